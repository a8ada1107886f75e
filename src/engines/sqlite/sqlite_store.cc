// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_store.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/text.h"
#include "engines/sqlite/sqlite_format.h"
#include "engines/sqlite/sqlite_go_file.h"

namespace embeddingsdb {
namespace {

/// Reads from one statement, and so from one snapshot.
class SqliteCursor final : public RecordCursor {
 public:
  SqliteCursor(SqliteReaderPool::Lease reader, std::vector<Filter> filters)
      : reader_(std::move(reader)), filters_(std::move(filters)) {}

  Status Start() {
    EDB_ASSIGN(scan_, reader_->PrepareScan(filters_));
    return {};
  }

  Result<bool> Next(Record& record) override {
    if (done_) {
      return false;
    }
    Result<bool> more = scan_.Step();
    if (more.ok() && *more) {
      EDB_TRY(SqliteReader::ReadScanned(scan_, record));
      return true;
    }
    // Lets go of the snapshot now: the cursor may live on for long.
    done_ = true;
    scan_.Reset();
    return more;
  }

 private:
  SqliteReaderPool::Lease reader_;
  const std::vector<Filter> filters_;  // bound to the statement, which borrows them
  SqliteStatement scan_;               // last, so that it goes first
  bool done_ = false;
};

/// For the database in memory, whose only connection must not stay with a cursor.
class CopiedCursor final : public RecordCursor {
 public:
  explicit CopiedCursor(std::vector<Record> records) : records_(std::move(records)) {}

  Result<bool> Next(Record& record) override {
    if (next_ == records_.size()) {
      return false;
    }
    record = std::move(records_[next_++]);
    return true;
  }

 private:
  std::vector<Record> records_;
  std::size_t next_ = 0;
};

Result<std::unique_ptr<RecordCursor>> CopyAll(SqliteStatement scan) {
  std::vector<Record> records;
  while (true) {
    EDB_ASSIGN(const bool more, scan.Step());
    if (!more) {
      break;
    }
    EDB_TRY(SqliteReader::ReadScanned(scan, records.emplace_back()));
  }
  return std::unique_ptr<RecordCursor>(std::make_unique<CopiedCursor>(std::move(records)));
}

Status CheckPath(const SqliteStoreOptions& options, Env& env) {
  const std::string& path = options.path;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!env.IsDirectory(folder)) {
    return NotFoundError(Concat("the folder ", Quote(folder), " does not exist"));
  }
  if (env.IsDirectory(path)) {
    return FailedPreconditionError(Concat(Quote(path), " is a folder, not an SQLite database"));
  }
  if (options.read_only && !env.Exists(path)) {
    return NotFoundError(Concat("there is no database ", Quote(path)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const SqliteStoreOptions& options,
                                                       Env& env) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(options));
  if (options.path.empty()) {
    EDB_TRY(store->OpenInMemory());
    return store;
  }
  EDB_TRY(CheckPath(options, env));
  EDB_TRY(options.read_only ? store->OpenForReading() : store->OpenForWriting(env));
  store->readers_ = std::make_shared<SqliteReaderPool>(options.path, options.keep_readers);
  return store;
}

SqliteStore::~SqliteStore() {
  Close().IgnoreError("a destructor cannot report; call Close");
}

Status SqliteStore::OpenForWriting(Env& env) {
  EDB_ASSIGN(lock_, env.Lock(options_.path + "-lock"));
  EDB_TRY(options_.log == nullptr
              ? Status()
              : ConvertGoFile(options_.path, options_.compression, env, *options_.log));
  EDB_ASSIGN(file_, OpenSqliteWriter(options_.path, options_.durability,
                                     options_.compression.value_or(SqliteCompression::kNone)));
  EDB_TRY(LearnCompression(*file_));
  if (options_.max_pages > 0) {
    EDB_TRY(file_->Execute(Concat("PRAGMA max_page_count = ", options_.max_pages).c_str()));
  }
  EDB_ASSIGN(writer_, SqliteWriter::Create(*file_, compression_));
  return {};
}

Status SqliteStore::OpenForReading() {
  EDB_ASSIGN(watch_, OpenSqliteReader(options_.path));
  return LearnCompression(*watch_);
}

Status SqliteStore::OpenInMemory() {
  EDB_ASSIGN(SqliteConnection connection,
             OpenSqliteWriter({}, Durability::kBuffered,
                              options_.compression.value_or(SqliteCompression::kNone)));
  EDB_TRY(LearnCompression(connection));
  EDB_ASSIGN(std::unique_ptr<SqliteReader> reader, SqliteReader::Create(std::move(connection)));
  EDB_ASSIGN(writer_, SqliteWriter::Create(reader->connection(), compression_));
  readers_ = std::make_shared<SqliteReaderPool>(std::move(reader));
  return {};
}

Status SqliteStore::LearnCompression(const SqliteConnection& connection) {
  EDB_ASSIGN(compression_, ReadCompression(connection));
  if (!options_.compression || *options_.compression == compression_) {
    return {};
  }
  return FailedPreconditionError(
      Concat(Quote(options_.path), " was made with compression=", CompressionName(compression_),
             ", not ", CompressionName(*options_.compression),
             "; leave the option out, or parquet-export it and parquet-import into a new file"));
}

Result<std::optional<SqliteReaderPool::Lease>> SqliteStore::PrepareToWrite() {
  if (writer_ == nullptr) {
    return FailedPreconditionError("the SQLite store is closed or read-only");
  }
  std::optional<SqliteReaderPool::Lease> only;
  if (in_memory()) {
    EDB_ASSIGN(SqliteReaderPool::Lease lease, readers_->Acquire());
    only.emplace(std::move(lease));
  }
  return only;
}

Result<std::vector<PutResult>> SqliteStore::Put(std::span<const Record* const> records,
                                                std::int64_t now) {
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const auto only, PrepareToWrite());
  return writer_->Put(records, now);
}

Result<std::optional<RowId>> SqliteStore::Remove(const Key& key, std::int64_t now) {
  EDB_ASSIGN(const auto rows, RemoveAll({&key, 1}, now));
  return rows.front();
}

Result<std::vector<std::optional<RowId>>> SqliteStore::RemoveAll(std::span<const Key> keys,
                                                                 std::int64_t now) {
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const auto only, PrepareToWrite());
  return writer_->Remove(keys, now);
}

Result<std::optional<Record>> SqliteStore::Get(const Key& key) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->Get(key);
}

Result<std::vector<std::optional<Record>>> SqliteStore::GetRows(std::span<const RowRef> rows,
                                                                RowParts parts) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->GetRows(rows, parts);
}

Status SqliteStore::List(const ListQuery& query, RecordPage& page) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->List(query, page);
}

Result<std::unique_ptr<RecordCursor>> SqliteStore::Scan(const std::vector<Filter>& filters) {
  EDB_ASSIGN(SqliteReaderPool::Lease reader, readers_->Acquire());
  if (in_memory()) {
    EDB_ASSIGN(SqliteStatement scan, reader->PrepareScan(filters));
    return CopyAll(std::move(scan));
  }
  auto cursor = std::make_unique<SqliteCursor>(std::move(reader), filters);
  EDB_TRY(cursor->Start());
  return std::unique_ptr<RecordCursor>(std::move(cursor));
}

Result<std::int64_t> SqliteStore::Count(const std::vector<Filter>& filters) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->Count(filters);
}

Status SqliteStore::VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) {
  if (std::any_of(filters.begin(), filters.end(),
                  [](const Filter& filter) { return filter.column == Column::kWords; })) {
    // Without it the search reads more rows, and gives the same answer.
    UpdateWords().IgnoreError("it has been logged");
  }
  Status words;
  Status status;
  {
    EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
    status = reader->VisitFields(filters, visit, words);
  }
  if (!words.ok()) {
    WarnOfWords(words);
    RemakeWords().IgnoreError("it has been logged");
  }
  return status;
}

Status SqliteStore::VisitVectors(const std::string& model, RowId after,
                                 const VectorVisitor& visit) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->VisitVectors(model, after, visit);
}

Result<std::vector<RowId>> SqliteStore::ListRows(const std::string& model, RowId last) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->ListRows(model, last);
}

std::string SqliteStore::IndexFolder() const {
  return in_memory() ? std::string() : options_.path + "-index";
}

Result<std::uint64_t> SqliteStore::GetMark(const std::string& name) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->GetMark(name);
}

Status SqliteStore::SetMark(const std::string& name, std::uint64_t value) {
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const auto only, PrepareToWrite());
  return writer_->SetMark(name, value);
}

Result<Catalog> SqliteStore::LoadCatalog() {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->LoadCatalog();
}

Result<std::int64_t> SqliteStore::LastUpdate() {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->LastUpdate();
}

Result<std::int64_t> SqliteStore::ExternalChanges() {
  const std::lock_guard lock(watch_mutex_);
  if (!watch_) {
    return std::int64_t{0};
  }
  return watch_->QueryInteger("PRAGMA data_version");
}

Status SqliteStore::UpdateWords() {
  if (in_memory() || options_.read_only) {
    return {};
  }
  Result<bool> more = false;
  {
    EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
    more = reader->NeedsWordsUpdate();
  }
  for (bool first = true; more.ok() && *more; first = false) {
    if (!first) {
      // Or the mutex would be taken again before a write that waits for it has woken up.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const std::lock_guard lock(write_mutex_);
    EDB_ASSIGN(const auto only, PrepareToWrite());
    more = writer_->UpdateWords(first);
  }
  if (!more.ok()) {
    WarnOfWords(more.status());
  }
  return more.status();
}

Status SqliteStore::RemakeWords() {
  if (in_memory() || options_.read_only) {
    return {};
  }
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const auto only, PrepareToWrite());
  Status status = writer_->RemakeWords();
  if (!status.ok()) {
    WarnOfWords(status);
  }
  return status;
}

void SqliteStore::WarnOfWords(const Status& status) {
  if (options_.log != nullptr) {
    options_.log->Warn("Word index cannot be used, searches by words read all records instead",
                       {{"path", options_.path}, {"error", status.message()}});
  }
}

Status SqliteStore::Flush() {
  // With durability=power every commit has been synced.
  if (in_memory() || options_.read_only || options_.durability == Durability::kPower) {
    return {};
  }
  const std::lock_guard lock(write_mutex_);
  EDB_ASSIGN(const auto only, PrepareToWrite());
  return writer_->Sync();
}

Status SqliteStore::Export(const std::string& /*path*/) {
  return UnimplementedError("export is not a capability of sqlite://; use parquet-export");
}

Result<std::vector<SimilarRecord>> SqliteStore::Similar(const ResolvedSimilarQuery& resolved) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->Similar(compression_, resolved);
}

Status SqliteStore::CheckFiles(std::vector<std::string>& problems) {
  EDB_ASSIGN(const SqliteReaderPool::Lease reader, readers_->Acquire());
  return reader->CheckFiles(compression_, problems);
}

Status SqliteStore::Close() {
  // Readers first: they would keep the log from being moved into the file. There is no pool when
  // opening has failed.
  if (readers_ != nullptr) {
    readers_->Close();
  }
  const std::lock_guard watch_lock(watch_mutex_);
  watch_.reset();
  const std::lock_guard lock(write_mutex_);
  Status status;
  if (writer_ != nullptr && file_) {
    status = writer_->Checkpoint();
  }
  writer_.reset();
  file_.reset();
  lock_.reset();
  return status;
}

Capabilities SqliteStore::capabilities() const {
  return {.persistent = !in_memory(),
          .exact = compression_ == SqliteCompression::kNone,
          .stores = true,
          .snapshot_scan = true,
          .shared_read = !in_memory(),
          .exports = false};
}

}  // namespace embeddingsdb
