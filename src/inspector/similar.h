// SPDX-License-Identifier: BSD-3-Clause
//
// Which similar records a page is asked for, and finding them.
#ifndef EMBEDDINGSDB_INSPECTOR_SIMILAR_H_
#define EMBEDDINGSDB_INSPECTOR_SIMILAR_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inspector/http.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"

namespace embeddingsdb {

struct Wanted {
  std::string provider;     ///< empty: of all
  bool others = false;      ///< of all but the record's own
  bool by_subject = false;  ///< one for each subject

  Parameters ToParameters() const;
  GroupBy group_by() const { return by_subject ? GroupBy::kSubject : GroupBy::kNone; }
};

/// From `similar-provider`, `others` and `group-by`. kInvalidArgument.
Result<Wanted> WantedOf(const Target& target);

/// What is similar to a stored record, at most max_results. `providers` are those of its model;
/// kInvalidArgument when the wanted one is not among them.
Result<std::vector<SimilarRecord>> SimilarTo(const PageRequest& request, const Key& key,
                                             const Wanted& wanted,
                                             std::span<const std::string> providers);

/// kInvalidArgument when a provider is wanted that has no records.
Status CheckProvider(const Wanted& wanted, std::span<const std::string> providers);

/// The form of wanted records: its providers to choose from and what is chosen.
void FillWanted(View& view, const Wanted& wanted, std::span<const std::string> providers);

/// Where a page of a record itself is: `own_path` and `own_fields` for its form, and `json_query`.
void FillOwnAddress(View& view, RecordAddress own, const Wanted& wanted);

/// The models that have seen a depiction, whatever the model of the key.
Result<FacetCounts> ModelsOfDepiction(Client& client, const Key& key);

/// Records that were found, and what their distances mean; the scale may be null.
struct SimilarList {
  std::span<const SimilarRecord> records;
  const DistanceScale* scale = nullptr;
};

/// `similar`, a card with its distance for each, and `measured`, which says how to read them.
void FillSimilar(View& view, std::string_view root, const SimilarList& similar,
                 HttpResponse& response);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_SIMILAR_H_
