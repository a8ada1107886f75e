// SPDX-License-Identifier: BSD-3-Clause
//
// Stats, Reindex and Compact of multi://: those of its members.
#ifndef EMBEDDINGSDB_ENGINES_MULTI_MULTI_CARE_H_
#define EMBEDDINGSDB_ENGINES_MULTI_MULTI_CARE_H_

#include <string>
#include <vector>

#include "embeddingsdb/care.h"

#include "engines/multi/member.h"

namespace embeddingsdb {

/// The sums, and the report of each.
Result<DatabaseStats> StatsOfMembers(const std::vector<Member>& members);

/// Member by member, as DatabaseBase::DoReindex. Those that are read-only are passed over when
/// `all` is asked for.
Status ReindexMembers(const std::vector<Member>& members, const std::vector<std::string>& models,
                      bool all, const ReindexProgress& progress);

/// Member by member, up to the first error; those before it are compacted. kFailedPrecondition
/// before anything is done when one is read-only.
Status CompactMembers(const std::vector<Member>& members, CompactReport& report);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_MULTI_MULTI_CARE_H_
