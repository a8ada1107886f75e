// SPDX-License-Identifier: BSD-3-Clause
//
// Writing the SQLite file: the statements of Put and Remove.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_WRITER_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"

#include "engines/record_store.h"
#include "engines/sqlite/sqlite_compressed_writer.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

/// One thread at a time. After a failed fsync it refuses to write: the system may have dropped what
/// it had not written, so nothing more can be acknowledged until the file is opened again.
class SqliteWriter {
 public:
  /// `connection` is borrowed and must outlive the writer; `compression` is its file's.
  static Result<std::unique_ptr<SqliteWriter>> Create(const SqliteConnection& connection,
                                                      SqliteCompression compression);

  /// As RecordStore's functions; all or nothing.
  Result<std::vector<PutResult>> Put(std::span<const Record* const> records, std::int64_t now);
  Result<std::vector<std::optional<RowId>>> Remove(std::span<const Key> keys, std::int64_t now);
  Status SetMark(const std::string& name, std::uint64_t value);
  /// As Put, with the time of each record. Records may have equal keys: the last one stays.
  Result<std::vector<PutResult>> PutAt(std::span<const Record* const> records,
                                       std::span<const std::int64_t> times);
  /// A commit of sqlite_words.h's UpdateWords.
  Result<bool> UpdateWords(bool first);
  /// A commit of sqlite_words.h's RemakeWords.
  Status RemakeWords();
  /// Has the disk hold everything that was committed.
  Status Sync();
  /// Moves the log into the file, as far as readers elsewhere let it, and syncs both.
  Status Checkpoint();

 private:
  explicit SqliteWriter(const SqliteConnection& connection) : connection_(connection) {}

  Status CheckUsable() const;
  Status PutAll(std::span<const Record* const> records, std::span<const std::int64_t> times,
                std::vector<PutResult>& results);
  /// Commits if `status` is OK; otherwise looks whether an fsync has failed.
  Status Finish(SqliteTransaction& transaction, Status status);
  /// The same for what does not touch records and codes.
  Status FinishWords(SqliteTransaction& transaction, Status status);
  Result<std::optional<RowId>> Find(const Key& key);
  Status Delete(const Key& key, RowId row);
  Status Insert(RowId row, const Record& record, std::int64_t now);
  /// None of the values of table meta that are changed here ever falls.
  Status RaiseMeta(std::string_view name, std::int64_t value);

  const SqliteConnection& connection_;
  SqliteStatement find_;
  SqliteStatement delete_;
  SqliteStatement insert_;
  SqliteStatement raise_meta_;
  std::unique_ptr<SqliteCompressedWriter> codes_;  // absent without compression
  bool sync_failed_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_WRITER_H_
