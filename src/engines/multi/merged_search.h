// SPDX-License-Identifier: BSD-3-Clause
//
// A search in several databases at once, answered as one.
#ifndef EMBEDDINGSDB_ENGINES_MULTI_MERGED_SEARCH_H_
#define EMBEDDINGSDB_ENGINES_MULTI_MERGED_SEARCH_H_

#include <vector>

#include "embeddingsdb/query.h"

#include "engines/multi/member.h"

namespace embeddingsdb {

/// The nearest records of all `holders` of a model, each searched on a thread of its own, up to
/// eight at a time. Without a `k` or a `max_distance` in the query the members' own defaults hold:
/// each has its distance, and the largest `max-results` counts. A key that two members have comes
/// once, at its smaller distance.
///
/// The first member's error, by their order, when any search fails: an answer without one of them
/// would look whole. kFailedPrecondition when they do not have the same metric.
Result<std::vector<SimilarRecord>> SearchMembers(const std::vector<const Member*>& holders,
                                                 const SimilarQuery& query);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_MULTI_MERGED_SEARCH_H_
