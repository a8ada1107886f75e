// SPDX-License-Identifier: BSD-3-Clause
//
// MergedList: pages over several databases in the list order of one.
#ifndef EMBEDDINGSDB_ENGINES_MULTI_MERGED_LIST_H_
#define EMBEDDINGSDB_ENGINES_MULTI_MERGED_LIST_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "embeddingsdb/query.h"

#include "engines/multi/member.h"

namespace embeddingsdb {

/// Threads: safe for concurrent use. Remembers where the last pages ended in each member, so a walk
/// over all pages reads each record about once; what it remembers is checked before it is used, so
/// it need not be told of writes.
class MergedList {
 public:
  /// Fills in the records and the total. As with one database, no page repeats or skips a record as
  /// long as nothing changes.
  Status Page(const std::vector<Member>& members, const ListQuery& query, RecordPage& page);

 private:
  /// How many records of each member are before a place in the merged list.
  struct Split {
    std::vector<Filter> filters;
    std::vector<std::int64_t> before;
    std::int64_t offset = 0;  // the sum of `before`
  };

  Split NearestSplit(const std::vector<Filter>& filters, std::int64_t offset,
                     std::size_t members) const;
  void Remember(Split split);

  mutable std::mutex mutex_;
  std::vector<Split> splits_;  // guarded by mutex_; the oldest first
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_MULTI_MERGED_LIST_H_
