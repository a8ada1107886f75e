// SPDX-License-Identifier: BSD-3-Clause
//
// SqliteStore: what its file takes, and giving room back.
#include "core/lock_holder.h"
#include "core/text.h"
#include "engines/file_bytes.h"
#include "engines/sqlite/sqlite_format.h"
#include "engines/sqlite/sqlite_store.h"

namespace embeddingsdb {

Result<StoreFacts> SqliteStore::Facts() {
  StoreFacts facts;
  {
    EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
    const SqliteConnection& connection = reader->connection();
    EDB_ASSIGN(const std::int64_t page_size, connection.QueryInteger("PRAGMA page_size"));
    EDB_ASSIGN(const std::int64_t pages, connection.QueryInteger("PRAGMA page_count"));
    EDB_ASSIGN(const std::int64_t free, connection.QueryInteger("PRAGMA freelist_count"));
    facts.facts = {{"format_version", kSqliteFormatVersion},
                   {"page_size", page_size},
                   {"pages", pages},
                   {"free_pages", free}};
  }
  if (!in_memory()) {
    facts.files.records = FileBytes(options_.path);
    facts.files.log = FileBytes(options_.path + "-wal");
    facts.files.other = FileBytes(options_.path + "-shm") + FileBytes(options_.path + "-lock");
  }
  return facts;
}

Status SqliteStore::Compact() {
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const auto only, PrepareToWrite());
  if (in_memory()) {
    return {};
  }
  if (const std::optional<long> other = OtherLockHolderOf(options_.path)) {
    return FailedPreconditionError(Concat(QuoteWhole(options_.path), " is open in ",
                                          DescribeProcess(*other), "; compacting needs it alone"));
  }
  // Readers of older states keep the file from being cut, so they are looked for first.
  const auto truncate = [this]() -> Status {
    EDB_ASSIGN(const bool alone, file_->TruncateLog());
    return alone ? Status()
                 : FailedPreconditionError(Concat(QuoteWhole(options_.path),
                                                  " is being read; compacting needs it alone"));
  };
  EDB_TRY(truncate());
  EDB_TRY(file_->Vacuum());
  // The new state is in the log, whole and durable. The file gets it here, or when it is next
  // opened.
  return truncate();
}

}  // namespace embeddingsdb
