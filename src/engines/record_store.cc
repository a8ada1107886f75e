// SPDX-License-Identifier: BSD-3-Clause
#include "engines/record_store.h"

namespace embeddingsdb {

// Good enough where reading a record takes microseconds.
Result<std::vector<std::optional<std::int64_t>>> RecordStore::CreatedTimes(
    std::span<const Record* const> records) {
  std::vector<std::optional<std::int64_t>> created;
  created.reserve(records.size());
  for (const Record* record : records) {
    EDB_ASSIGN(const std::optional<Record> stored, Get(record->key));
    created.push_back(stored ? std::optional(stored->created) : std::nullopt);
  }
  return created;
}

}  // namespace embeddingsdb
