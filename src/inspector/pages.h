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

#include "inspector/http.h"
#include "inspector/template.h"

namespace embeddingsdb {

enum class PageFormat : bool { kHtml, kJson };

inline constexpr std::string_view kHtmlType = "text/html; charset=utf-8";
inline constexpr std::string_view kJsonType = "application/json";

/// What a page is made of, borrowed while it is made.
struct PageRequest {
  Client& client;
  const Target& target;
  std::string_view root;
  int max_results;
  PageFormat format;
};

/// Records, filtered by `provider`, `model` and `words`, in pages of 24.
Result<HttpResponse> ShowList(const PageRequest& request);

/// The record with this key and what is similar to it: of one provider (`similar-provider`), of
/// others only (`others=1`), one for each subject (`group-by=subject`). kNotFound.
Result<HttpResponse> ShowRecord(const PageRequest& request, const Key& key);

/// A text and how often it is there, to choose from.
View ChoiceView(const Facet& facet, std::string_view chosen);

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

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_PAGES_H_
