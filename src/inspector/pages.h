// SPDX-License-Identifier: BSD-3-Clause
//
// The pages of the inspector, each from a client's answers. As HTML they work without JavaScript;
// as JSON they hold the same.
#ifndef EMBEDDINGSDB_INSPECTOR_PAGES_H_
#define EMBEDDINGSDB_INSPECTOR_PAGES_H_

#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/client.h"
#include "embeddingsdb/embedder.h"

#include "inspector/http.h"
#include "inspector/scale_store.h"
#include "inspector/template.h"

namespace embeddingsdb {

enum class PageFormat : bool { kHtml, kJson };

inline constexpr std::string_view kHtmlType = "text/html; charset=utf-8";
inline constexpr std::string_view kJsonType = "application/json";

/// What a page is made of, borrowed while it is made.
struct PageRequest {
  Client& client;
  ScaleStore& scales;
  Embedder* embedder;  ///< null: texts and pictures cannot be searched by
  const Target& target;
  std::string_view upload;  ///< the file of a form; empty when there is none
  std::string_view root;
  int max_results;
  PageFormat format;
};

/// Records, filtered by `provider`, `model` and `words`, in pages of 24; a card for each, or for
/// each depiction or subject on the page (`cards`).
Result<HttpResponse> ShowList(const PageRequest& request);

/// The record with this key and what is similar to it: of one provider (`similar-provider`), of
/// others only (`others=1`), one for each subject (`group-by=subject`). `trail` are the records
/// that a walk came by. kNotFound.
Result<HttpResponse> ShowRecord(const PageRequest& request, const Key& key);

/// What each model takes for similar to a depiction, side by side, and what two or more of them
/// agree on. `key` has no model. kNotFound.
Result<HttpResponse> ShowComparison(const PageRequest& request, const Key& key);

/// Search by a text (`query`), a picture (the file `upload` of a form) or records (`like`).
Result<HttpResponse> ShowSearch(const PageRequest& request);

/// The same for programs of go-embeddingsdb: a JSON array of what was found.
Result<HttpResponse> FindForProgram(const PageRequest& request);

/// How many records there are, by model and provider.
Result<HttpResponse> ShowStatistics(const PageRequest& request);

/// A text and how often it is there, to choose from.
View ChoiceView(const Facet& facet, std::string_view chosen);

/// All of them; one that is chosen and not among them is there with a count of 0.
std::vector<View> ChoiceViews(const FacetCounts& counts, std::string_view chosen);

/// What a card shows of a record, borrowed.
struct Shown {
  const Key& key;
  std::string_view subject_id;
  const Attributes& attributes;
};

/// Puts a record into a view of card.html. Adds the place of its picture to `response`.
void FillCard(View& view, std::string_view root, const Shown& shown, HttpResponse& response);

/// "235,200".
std::string Grouped(std::int64_t number);

/// "[...]" of what `to_json` makes of each value.
template <typename Values, typename ToJson>
std::string JsonArray(const Values& values, ToJson to_json) {
  std::string json = "[";
  for (const auto& value : values) {
    json.append(json.size() == 1 ? "" : ",").append(to_json(value));
  }
  return json + "]";
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_PAGES_H_
