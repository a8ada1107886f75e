// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_store.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/text.h"
#include "engines/lmdb/lmdb_reader.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kDataFile = "data.mdb";
constexpr std::string_view kFreshFile = "data.mdb.new";
constexpr std::string_view kWriterLock = "writer.lock";

/// Files that a database of ours has, or what is left when making one was interrupted.
constexpr auto kOurFiles =
    std::to_array<std::string_view>({kDataFile, kFreshFile, "lock.mdb", kWriterLock});
/// What a Go Bleve index has in its folder.
constexpr auto kBleveFiles = std::to_array<std::string_view>({"index_meta.json", "store"});

Status CheckContents(const std::string& folder) {
  std::error_code error;
  std::string foreign;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (std::find(kBleveFiles.begin(), kBleveFiles.end(), name) != kBleveFiles.end()) {
      return FailedPreconditionError(Concat(
          QuoteWhole(folder),
          " is a Bleve index of go-embeddingsdb, which only that can read. Migrate it: run "
          "go-embeddingsdb's parquet-export -database-uri bleve://... -output records.parquet, "
          "then parquet-import -database-uri lmdb://NEW-FOLDER records.parquet here"));
    }
    if (std::find(kOurFiles.begin(), kOurFiles.end(), name) == kOurFiles.end()) {
      foreign = name;
    }
  }
  if (error) {
    return PermissionDeniedError(Concat("cannot read ", QuoteWhole(folder), ": ", error.message()));
  }
  if (!foreign.empty()) {
    return FailedPreconditionError(
        Concat(QuoteWhole(folder), " is not an LMDB database but a folder with other files, ",
               "such as ", QuoteWhole(foreign)));
  }
  return {};
}

Status CheckFolder(const LmdbStoreOptions& options, Env& env) {
  const std::string& folder = options.folder;
  if (!env.Exists(folder)) {
    const std::string parent = std::filesystem::path(folder).parent_path().string();
    if (options.read_only || !env.IsDirectory(parent)) {
      return NotFoundError(
          Concat("there is no folder ", QuoteWhole(options.read_only ? folder : parent)));
    }
    return {};
  }
  if (!env.IsDirectory(folder)) {
    return FailedPreconditionError(
        Concat(QuoteWhole(folder), " is a file; an LMDB database is a folder"));
  }
  const std::string file = Concat(folder, "/", kDataFile);
  if (env.Exists(file)) {
    std::error_code error;
    if (options.read_only && std::filesystem::file_size(file, error) == 0) {
      return FailedPreconditionError(Concat(QuoteWhole(file), " is empty, nothing to read"));
    }
    return {};
  }
  EDB_TRY(CheckContents(folder));
  if (options.read_only) {
    return NotFoundError(Concat("there is no database in ", QuoteWhole(folder)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LmdbStore>> LmdbStore::Open(const LmdbStoreOptions& options, Env& env) {
  EDB_TRY(CheckFolder(options, env));
  std::unique_ptr<LmdbStore> store(new LmdbStore(options));
  EDB_TRY(store->OpenFiles(env));
  return store;
}

LmdbStore::~LmdbStore() {
  Close().IgnoreError("a destructor cannot report; call Close");
}

Status LmdbStore::OpenFiles(Env& env) {
  if (!options_.read_only) {
    EDB_TRY(env.MakeDirectories(options_.folder));
    EDB_ASSIGN(lock_, env.Lock(Concat(options_.folder, "/", kWriterLock)));
    EDB_TRY(env.Remove(FreshFile()));  // of a process that was killed
    EDB_TRY(MakeData(env));
  }
  EDB_ASSIGN(environment_, LmdbEnvironment::Open(EnvironmentOptions()));
  return options_.read_only ? Status() : OpenWriter();
}

Status LmdbStore::MakeData(Env& env) {
  // LMDB makes a file in several steps, between which a process may die. So it is made beside, and
  // gets its name when it is whole.
  const std::string data = Concat(options_.folder, "/", kDataFile);
  std::error_code error;
  if (env.Exists(data) && std::filesystem::file_size(data, error) > 0) {
    return {};
  }
  EDB_TRY(LmdbEnvironment::MakeFile(FreshFile()));
  return env.Rename(FreshFile(), data);
}

std::string LmdbStore::FreshFile() const {
  return Concat(options_.folder, "/", kFreshFile);
}

LmdbEnvironmentOptions LmdbStore::EnvironmentOptions() const {
  return {.folder = options_.folder,
          .read_only = options_.read_only,
          .sync_meta = options_.durability == Durability::kPower,
          .map_size = options_.map_size};
}

Status LmdbStore::OpenWriter() {
  EDB_ASSIGN(writer_, LmdbWriter::Create(environment_, options_.key_hash, options_.max_map_size));
  return {};
}

Result<LmdbSnapshot> LmdbStore::Read() {
  std::shared_ptr<LmdbEnvironment> environment;
  {
    const std::lock_guard lock(environment_mutex_);
    environment = environment_;
  }
  if (environment == nullptr) {
    return FailedPreconditionError("the LMDB store is closed");
  }
  return environment->BeginRead();
}

Result<std::vector<PutResult>> LmdbStore::Put(std::span<const Record* const> records,
                                              std::int64_t now) {
  const std::lock_guard lock(write_mutex_);
  if (writer_ == nullptr) {
    return FailedPreconditionError("the LMDB store is closed or read-only");
  }
  return writer_->Put(records, now);
}

Result<std::optional<RowId>> LmdbStore::Remove(const Key& key, std::int64_t now) {
  EDB_ASSIGN(const auto rows, RemoveAll({&key, 1}, now));
  return rows.front();
}

Result<std::vector<std::optional<RowId>>> LmdbStore::RemoveAll(std::span<const Key> keys,
                                                               std::int64_t now) {
  const std::lock_guard lock(write_mutex_);
  if (writer_ == nullptr) {
    return FailedPreconditionError("the LMDB store is closed or read-only");
  }
  return writer_->Remove(keys, now);
}

Result<std::optional<Record>> LmdbStore::Get(const Key& key) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).Get(key);
}

Result<std::vector<std::optional<Record>>> LmdbStore::GetRows(std::span<const RowRef> rows,
                                                              RowParts parts) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).GetRows(rows, parts);
}

Status LmdbStore::List(const ListQuery& query, RecordPage& page) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).List(query, page);
}

Result<std::unique_ptr<RecordCursor>> LmdbStore::Scan(const std::vector<Filter>& filters) {
  EDB_ASSIGN(LmdbSnapshot snapshot, Read());
  return LmdbScan::Start(std::move(snapshot), options_.key_hash, filters);
}

Result<std::int64_t> LmdbStore::Count(const std::vector<Filter>& filters) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).Count(filters);
}

Status LmdbStore::VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).VisitFields(filters, visit);
}

Status LmdbStore::VisitVectors(const std::string& model, RowId after, const VectorVisitor& visit) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).VisitVectors(model, after, visit);
}

Result<std::vector<RowId>> LmdbStore::ListRows(const std::string& model, RowId last) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).ListRows(model, last);
}

std::string LmdbStore::IndexFolder() const {
  return options_.folder + "/index";
}

Result<std::uint64_t> LmdbStore::GetMark(const std::string& name) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  EDB_ASSIGN(const auto mark, LmdbView(snapshot).FindMeta(name));
  return mark.value_or(0);
}

Status LmdbStore::SetMark(const std::string& name, std::uint64_t value) {
  const std::lock_guard lock(write_mutex_);
  if (writer_ == nullptr) {
    return FailedPreconditionError("the LMDB store is closed or read-only");
  }
  return writer_->SetMark(name, value);
}

Result<Catalog> LmdbStore::LoadCatalog() {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).LoadCatalog();
}

Result<std::int64_t> LmdbStore::LastUpdate() {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return LmdbReader(snapshot, options_.key_hash).LastUpdate();
}

Result<std::int64_t> LmdbStore::ExternalChanges() {
  if (!options_.read_only) {
    return std::int64_t{0};
  }
  const std::lock_guard lock(environment_mutex_);
  if (environment_ == nullptr) {
    return FailedPreconditionError("the LMDB store is closed");
  }
  return static_cast<std::int64_t>(environment_->LastCommit());
}

Status LmdbStore::Flush() {
  // With durability=power every commit has been synced.
  if (options_.read_only || options_.durability == Durability::kPower) {
    return {};
  }
  const std::lock_guard lock(write_mutex_);
  return writer_ == nullptr ? Status() : writer_->Sync();
}

Status LmdbStore::Export(const std::string& /*path*/) {
  return UnimplementedError("export is not a capability of lmdb://; use parquet-export");
}

Status LmdbStore::CheckFiles(std::vector<std::string>& problems) {
  EDB_ASSIGN(const LmdbSnapshot snapshot, Read());
  return CheckLmdb(snapshot, options_.key_hash, problems);
}

Status LmdbStore::Close() {
  const std::lock_guard lock(write_mutex_);
  Status status;
  if (writer_ != nullptr) {
    status = writer_->Sync();
  }
  writer_.reset();
  {
    const std::lock_guard environment_lock(environment_mutex_);
    environment_.reset();
  }
  lock_.reset();
  return status;
}

Capabilities LmdbStore::capabilities() const {
  return {.persistent = true,
          .exact = true,
          .stores = true,
          .snapshot_scan = true,
          .shared_read = true,
          .exports = false};
}

}  // namespace embeddingsdb
