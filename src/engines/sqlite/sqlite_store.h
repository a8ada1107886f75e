// SPDX-License-Identifier: BSD-3-Clause
//
// SqliteStore: records in one SQLite file (docs: sqlite_format.h has its schema). One process
// writes, any number of processes read.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_STORE_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/log.h"
#include "engines/database_base.h"
#include "engines/record_store.h"
#include "engines/sqlite/sqlite_handle.h"
#include "engines/sqlite/sqlite_reader.h"
#include "engines/sqlite/sqlite_writer.h"

namespace embeddingsdb {

struct SqliteStoreOptions {
  std::string path;  ///< absolute; empty: a database in memory, gone when closed
  Durability durability = Durability::kPower;
  bool read_only = false;
  std::size_t keep_readers = 8;  ///< connections kept open for reading; more are made when needed
  /// What the file has to have, or is made with; unset: whatever it has, or none.
  std::optional<SqliteCompression> compression = {};
  Logger* log = nullptr;       ///< told when a file of go-embeddingsdb is converted; borrowed
  std::int64_t max_pages = 0;  ///< what the file may grow to, 16 KiB each; 0: SQLite's limit
};

/// Reads take a connection of their own and a snapshot, and never wait for a write, but for those
/// by words: they first write what the word index lacks (sqlite_words.h), if it is much, in pieces
/// that other writes come between. A cursor of Scan holds its snapshot until it is destroyed or at
/// its end; meanwhile the log (PATH-wal) grows with every commit. In memory there is one
/// connection: calls wait for each other, and Scan copies.
class SqliteStore final : public RecordStore {
 public:
  /// kNotFound when the folder (or, read-only, the file) does not exist; kFailedPrecondition when
  /// another handle writes the file, naming its process, when it is not a database of ours, or has
  /// another compression than the options ask for. A
  /// file of go-embeddingsdb is converted first (sqlite_go_file.h) when there is a log to tell.
  static Result<std::unique_ptr<SqliteStore>> Open(const SqliteStoreOptions& options, Env& env);
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;
  ~SqliteStore() override;

  Result<std::vector<PutResult>> Put(std::span<const Record* const> records,
                                     std::int64_t now) override;
  Result<std::optional<RowId>> Remove(const Key& key, std::int64_t now) override;
  Result<std::vector<std::optional<RowId>>> RemoveAll(std::span<const Key> keys,
                                                      std::int64_t now) override;
  Result<std::optional<Record>> Get(const Key& key) override;
  Result<std::vector<std::optional<Record>>> GetRows(std::span<const RowRef> rows,
                                                     RowParts parts) override;
  Status List(const ListQuery& query, RecordPage& page) override;
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override;
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override;
  Status VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) override;
  Status VisitVectors(const std::string& model, RowId after, const VectorVisitor& visit) override;
  Result<std::vector<RowId>> ListRows(const std::string& model, RowId last) override;
  Result<Catalog> LoadCatalog() override;
  Result<std::int64_t> LastUpdate() override;
  std::string IndexFolder() const override;
  Result<std::uint64_t> GetMark(const std::string& name) override;
  Status SetMark(const std::string& name, std::uint64_t value) override;
  /// Constant for a writer: no other process can commit.
  Result<std::int64_t> ExternalChanges() override;
  Status Flush() override;
  Status Export(const std::string& path) override;
  bool searches() const override { return compression_ != SqliteCompression::kNone; }
  Result<std::vector<SimilarRecord>> Similar(const ResolvedSimilarQuery& resolved) override;
  Status CheckFiles(std::vector<std::string>& problems) override;
  Result<StoreFacts> Facts() override;
  Status Compact() override;
  Status Close() override;
  Capabilities capabilities() const override;
  SqliteCompression compression() const { return compression_; }

 private:
  explicit SqliteStore(SqliteStoreOptions options) : options_(std::move(options)) {}

  bool in_memory() const { return options_.path.empty(); }
  Status OpenForWriting(Env& env);
  Status OpenForReading();
  Status OpenInMemory();
  /// Reads the compression of the file. kFailedPrecondition when another one is asked for.
  Status LearnCompression(const SqliteConnection& connection);
  /// Brings the word index up to date, if it lacks many rows and this store may write.
  Status UpdateWords();
  /// Empties a damaged word index.
  Status RemakeWords();
  void WarnOfWords(const Status& status);
  /// Needs write_mutex_. Waits for the only connection when there is but one.
  Result<std::optional<SqliteReaderPool::Lease>> PrepareToWrite();

  const SqliteStoreOptions options_;
  SqliteCompression compression_ = SqliteCompression::kNone;  // set before anything else can run
  std::unique_ptr<FileLock> lock_;                            // first, so that it is let go of last
  std::shared_ptr<SqliteReaderPool> readers_;
  std::mutex watch_mutex_;
  std::optional<SqliteConnection> watch_;  // guarded by watch_mutex_; sees commits of others
  std::mutex write_mutex_;
  std::optional<SqliteConnection> file_;  // guarded by write_mutex_; absent in memory
  std::unique_ptr<SqliteWriter> writer_;  // guarded by write_mutex_; absent when read-only
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_STORE_H_
