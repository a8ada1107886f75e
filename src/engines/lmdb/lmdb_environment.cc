// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_environment.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <limits>
#include <lmdb.h>
#include <map>
#include <random>
#include <set>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/text.h"
#include "engines/lmdb/lmdb_format.h"

namespace embeddingsdb {
namespace {

// Thirty million vectors of 512 elements. Where so much address space is not to be had, half as
// much is tried, and half of that.
constexpr std::size_t kMapSize = std::size_t{64} << 30U;
constexpr std::size_t kLeastMapSize = std::size_t{1} << 20U;

// Places for read transactions of all processes together. The table takes 64 bytes for each.
constexpr unsigned int kMaxReaders = 4'096;
constexpr std::size_t kKeepReaders = 32;
constexpr unsigned int kMaxTables = 16;
constexpr std::uint64_t kFullDiskBytes = 1U << 20U;
constexpr mode_t kFileMode = 0644;
constexpr auto kCheckReadersEvery = std::chrono::seconds(10);

/// Which folder it is, whatever it is called.
using FolderId = std::pair<dev_t, ino_t>;

Result<FolderId> IdOf(const std::string& folder) {
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) {
    return LmdbError(errno, Concat("cannot open ", QuoteWhole(folder)));
  }
  return FolderId(info.st_dev, info.st_ino);
}

/// What LMDB says that the file holds: its newest page is the last.
Result<std::uint64_t> LengthOf(MDB_env* env) {
  MDB_envinfo info{};
  MDB_stat stat{};
  int code = mdb_env_info(env, &info);
  if (code == MDB_SUCCESS) {
    code = mdb_env_stat(env, &stat);
  }
  if (code != MDB_SUCCESS) {
    return LmdbError(code, "cannot read the LMDB database");
  }
  return (std::uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
}

Result<std::uint64_t> FileSize(MDB_env* env) {
  mdb_filehandle_t file = -1;
  struct stat info{};
  if (mdb_env_get_fd(env, &file) != MDB_SUCCESS || ::fstat(file, &info) != 0) {
    return LmdbError(errno, "cannot read the LMDB database");
  }
  return static_cast<std::uint64_t>(info.st_size);
}

Status SetFileSize(MDB_env* env, std::uint64_t size) {
  mdb_filehandle_t file = -1;
  if (mdb_env_get_fd(env, &file) != MDB_SUCCESS ||
      ::ftruncate(file, static_cast<off_t>(size)) != 0) {
    return LmdbError(errno, "cannot set the length of the LMDB database");
  }
  return {};
}

Status SyncFolder(const std::string& path) {
  // LMDB syncs what is in the file, not its name.
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && ::fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) {
    ::close(folder);
  }
  return synced ? Status() : LmdbError(error, Concat("cannot sync ", QuoteWhole(path)));
}

/// kFailedPrecondition naming what the file is when it is not ours.
Status CheckFormat(LmdbTransaction& txn, const std::string& folder) {
  const Result<LmdbTable> meta = txn.OpenTable("meta", LmdbKind::kText, false);
  std::optional<std::string_view> format;
  if (meta.ok()) {
    EDB_ASSIGN(format, txn.Get(*meta, kFormatKey));
  }
  if (!format || !format->starts_with("embeddingsdb ")) {
    return FailedPreconditionError(
        Concat(QuoteWhole(folder), " is the LMDB database of another program"));
  }
  if (*format != kLmdbFormat) {
    return FailedPreconditionError(Concat(QuoteWhole(folder), " has the format ", Quote(*format),
                                          ", this program knows ", Quote(kLmdbFormat)));
  }
  return {};
}

Status WriteFirstMeta(LmdbTransaction& txn, LmdbTable meta) {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) {
    AppendFixed32(id, random());
  }
  EDB_TRY(txn.Put(meta, kFormatKey, kLmdbFormat, LmdbPut::kNew));
  EDB_TRY(txn.Put(meta, kDatabaseIdKey, id, LmdbPut::kNew));
  EDB_TRY(txn.Put(meta, kNextRowKey, LmdbNumber(1).bytes(), LmdbPut::kNew));
  EDB_TRY(txn.Put(meta, kNextSpaceKey, LmdbNumber(1).bytes(), LmdbPut::kNew));
  EDB_TRY(txn.Put(meta, kNextShapeKey, LmdbNumber(1).bytes(), LmdbPut::kNew));
  return txn.Put(meta, kLastUpdateKey, LmdbNumber(0).bytes(), LmdbPut::kNew);
}

}  // namespace

/// The environments of this process by folder: the one thing that has to be known process-wide.
class OpenEnvironments {
 public:
  static OpenEnvironments& Instance() {
    static OpenEnvironments instance;
    return instance;
  }

  Result<std::shared_ptr<LmdbEnvironment>> Open(const LmdbEnvironmentOptions& options) {
    EDB_ASSIGN(const FolderId id, IdOf(options.folder));
    const std::lock_guard lock(mutex_);
    return OpenLocked(id, options);
  }

  /// As LmdbEnvironment::Replace.
  Status Replace(std::shared_ptr<LmdbEnvironment>& environment, LmdbEnvironmentOptions options,
                 const std::string& fresh) {
    std::shared_ptr<LmdbEnvironment> old;  // let go of after the lock, which its deleter takes
    EDB_ASSIGN(const FolderId id, IdOf(options.folder));
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[id];
    if (entry.users != 1 || environment.use_count() != 1) {
      return FailedPreconditionError(Concat(QuoteWhole(options.folder),
                                            " is being read in this process; compacting needs it "
                                            "alone"));
    }
    old = std::move(environment);
    entry.environment.reset();
    Status status;
    if (auto alone = LmdbSoleUse::Take(options.folder); alone.ok()) {
      options.alone = *std::move(alone);
      status = PutInPlace(fresh, options.folder);
    } else {
      status = alone.status();
    }
    Result<std::shared_ptr<LmdbEnvironment>> opened = OpenLocked(id, options);
    if (!opened.ok()) {
      return {StatusCode::kAborted,
              Concat("cannot open the database again: ", opened.status().message())};
    }
    environment = *std::move(opened);
    return status;
  }

 private:
  struct Entry {
    std::unique_ptr<LmdbEnvironment> environment;
    int users = 0;
  };

  Result<std::shared_ptr<LmdbEnvironment>> OpenLocked(const FolderId& id,
                                                      const LmdbEnvironmentOptions& options) {
    Entry& entry = entries_[id];
    if (entry.environment == nullptr) {
      std::unique_ptr<LmdbEnvironment> made(new LmdbEnvironment(options));
      Status status = made->OpenFile();
      if (status.ok()) {
        status = made->OpenTables();
      }
      if (!status.ok()) {
        if (entry.users == 0) {
          entries_.erase(id);
        }
        return status;
      }
      entry.environment = std::move(made);
    } else if (entry.environment->read_only() && !options.read_only) {
      return FailedPreconditionError(
          Concat(QuoteWhole(options.folder),
                 " is open in this process for reading only; open it for writing first"));
    } else if (!options.read_only) {
      entry.environment->SetSyncMeta(options.sync_meta);
    }
    ++entry.users;
    return std::shared_ptr<LmdbEnvironment>(entry.environment.get(),
                                            [this, id](LmdbEnvironment*) { Release(id); });
  }

  static Status PutInPlace(const std::string& fresh, const std::string& folder) {
    if (std::rename(fresh.c_str(), Concat(folder, "/data.mdb").c_str()) != 0) {
      return LmdbError(errno, Concat("cannot rename ", QuoteWhole(fresh)));
    }
    return SyncFolder(folder);
  }

  // Closes under the mutex, so that nobody opens the file while it is still open.
  void Release(const FolderId& id) {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(id);
    if (--entry->second.users == 0) {
      entries_.erase(entry);
    }
  }

  std::mutex mutex_;
  std::map<FolderId, Entry> entries_;  // guarded by mutex_
};

LmdbSnapshot::LmdbSnapshot(std::shared_ptr<LmdbEnvironment> environment,
                           std::unique_ptr<LmdbReadHandle> handle,
                           std::shared_lock<std::shared_mutex> map)
    : environment_(std::move(environment)), handle_(std::move(handle)), map_(std::move(map)) {}

LmdbSnapshot::~LmdbSnapshot() {
  if (handle_ != nullptr) {
    environment_->Return(std::move(handle_));
  }
}

const LmdbTables& LmdbSnapshot::tables() const {
  return environment_->tables();
}

void LmdbSnapshot::Unpark() {
  map_ = environment_->HoldMap();
}

void LmdbEnvironment::Closer::operator()(MDB_env* env) const {
  mdb_env_close(env);
}

Result<std::shared_ptr<LmdbEnvironment>> LmdbEnvironment::Open(
    const LmdbEnvironmentOptions& options) {
  return OpenEnvironments::Instance().Open(options);
}

Status LmdbEnvironment::Replace(std::shared_ptr<LmdbEnvironment>& environment,
                                LmdbEnvironmentOptions options, const std::string& fresh) {
  return OpenEnvironments::Instance().Replace(environment, std::move(options), fresh);
}

Status LmdbEnvironment::MakeFile(const std::string& path) {
  LmdbEnvironment made({.folder = path});
  MDB_env* raw = nullptr;
  int code = mdb_env_create(&raw);
  if (code == MDB_SUCCESS) {
    made.env_.reset(raw);
    static_cast<void>(mdb_env_set_maxdbs(raw, kMaxTables));
    code = mdb_env_open(raw, path.c_str(), MDB_NOTLS | MDB_NOSUBDIR | MDB_NOLOCK, kFileMode);
  }
  return code == MDB_SUCCESS ? made.OpenTables()
                             : LmdbError(code, Concat("cannot make ", QuoteWhole(path)));
}

LmdbEnvironment::~LmdbEnvironment() {
  idle_.clear();
}

Status LmdbEnvironment::OpenFile() {
  unsigned int flags = MDB_NOTLS;
  flags |= options_.read_only ? static_cast<unsigned int>(MDB_RDONLY) : 0U;
  flags |= options_.sync_meta ? 0U : static_cast<unsigned int>(MDB_NOMETASYNC);
  std::size_t size = options_.map_size == 0 ? kMapSize : options_.map_size;
  int code = ENOMEM;
  for (; code == ENOMEM && size >= kLeastMapSize; size /= 2) {
    MDB_env* raw = nullptr;
    if (code = mdb_env_create(&raw); code != MDB_SUCCESS) {
      break;
    }
    env_.reset(raw);
    static_cast<void>(mdb_env_set_maxdbs(raw, kMaxTables));
    static_cast<void>(mdb_env_set_maxreaders(raw, kMaxReaders));
    static_cast<void>(mdb_env_set_mapsize(raw, size));
    code = mdb_env_open(raw, options_.folder.c_str(), flags, kFileMode);
  }
  if (code != MDB_SUCCESS) {
    env_.reset();
    return LmdbError(code, Concat("cannot open ", QuoteWhole(options_.folder)));
  }
  EDB_ASSIGN(const bool current, IsCurrentFile());
  if (!current) {
    env_.reset();
    return OpenFile();
  }
  return CheckLength();
}

/// False when another process has put a compacted file in its place while this one waited to open
/// it.
Result<bool> LmdbEnvironment::IsCurrentFile() const {
  mdb_filehandle_t file = -1;
  struct stat opened{};
  struct stat named{};
  if (mdb_env_get_fd(env_.get(), &file) != MDB_SUCCESS || ::fstat(file, &opened) != 0 ||
      ::stat(Concat(options_.folder, "/data.mdb").c_str(), &named) != 0) {
    return LmdbError(errno, "cannot look at the LMDB database");
  }
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Status LmdbEnvironment::CheckLength() {
  EDB_ASSIGN(const std::uint64_t says, LengthOf(env_.get()));
  EDB_ASSIGN(const std::uint64_t has, FileSize(env_.get()));
  if (has >= says) {
    return {};
  }
  // Reading a page behind the end of the file would end the process. A writer that was killed may
  // have left out pages that nobody reads (see KeepLength).
  if (!options_.read_only) {
    EDB_TRY(KeepLength());
    const Result<bool> free = IsFreeFrom(has);
    if (free.ok() && *free) {
      return {};
    }
    EDB_TRY(SetFileSize(env_.get(), has));
  }
  return DataLossError(Concat(QuoteWhole(options_.folder + "/data.mdb"), " has ", has, " bytes of ",
                              says, ": its end is missing"));
}

Result<bool> LmdbEnvironment::IsFreeFrom(std::uint64_t length) {
  MDB_txn* raw = nullptr;
  if (const int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &raw); code != MDB_SUCCESS) {
    return LmdbError(code, "cannot read the LMDB database");
  }
  const LmdbTransaction txn(raw);
  MDB_stat stat{};
  static_cast<void>(mdb_env_stat(env_.get(), &stat));  // only refuses null pointers
  const std::uint64_t first = length / stat.ms_psize;
  EDB_ASSIGN(const std::uint64_t says, LengthOf(env_.get()));
  std::set<std::uint64_t> missing;
  for (std::uint64_t page = first; page < says / stat.ms_psize; ++page) {
    missing.insert(page);
  }
  // LMDB's own table of free pages: lists of numbers, their count in front.
  constexpr LmdbTable kFreePages = 0;
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(txn, kFreePages));
  EDB_ASSIGN(bool more, cursor.First());
  while (more) {
    LmdbBytes list(cursor.value());
    for (std::uint64_t count = list.Fixed64(); count > 0 && list.ok(); --count) {
      missing.erase(list.Fixed64());
    }
    EDB_ASSIGN(more, cursor.Next());
  }
  return missing.empty();
}

Status LmdbEnvironment::OpenTables() {
  MDB_txn* raw = nullptr;
  const unsigned int flags = options_.read_only ? static_cast<unsigned int>(MDB_RDONLY) : 0U;
  if (const int code = mdb_txn_begin(env_.get(), nullptr, flags, &raw); code != MDB_SUCCESS) {
    return LmdbError(code, Concat("cannot open ", QuoteWhole(options_.folder)));
  }
  LmdbTransaction txn(raw);
  EDB_ASSIGN(const bool empty, txn.IsEmpty());
  if (empty && options_.read_only) {
    return FailedPreconditionError(
        Concat(QuoteWhole(options_.folder), " has an empty LMDB file, nothing to read"));
  }
  if (!empty) {
    EDB_TRY(CheckFormat(txn, options_.folder));
  }
  EDB_ASSIGN(tables_.meta, txn.OpenTable("meta", LmdbKind::kText, empty));
  EDB_ASSIGN(tables_.spaces, txn.OpenTable("spaces", LmdbKind::kNumber, empty));
  EDB_ASSIGN(tables_.shapes, txn.OpenTable("shapes", LmdbKind::kNumber, empty));
  EDB_ASSIGN(tables_.keys, txn.OpenTable("keys", LmdbKind::kPairSet, empty));
  EDB_ASSIGN(tables_.list, txn.OpenTable("list", LmdbKind::kText, empty));
  EDB_ASSIGN(tables_.rows, txn.OpenTable("rows", LmdbKind::kNumber, empty));
  EDB_ASSIGN(tables_.vectors, txn.OpenTable("vectors", LmdbKind::kNumber, empty));
  if (empty) {
    EDB_TRY(WriteFirstMeta(txn, tables_.meta));
  }
  // Only a commit keeps the tables' numbers valid, also for one that has only read.
  return txn.Commit();
}

std::shared_lock<std::shared_mutex> LmdbEnvironment::HoldMap() {
  const std::lock_guard turn(turn_);
  return std::shared_lock(map_);
}

Result<LmdbSnapshot> LmdbEnvironment::BeginRead() {
  std::unique_ptr<LmdbReadHandle> handle;
  {
    const std::lock_guard lock(pool_mutex_);
    if (!idle_.empty()) {
      handle = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  while (true) {
    std::shared_lock map = HoldMap();
    int code = MDB_SUCCESS;
    if (handle != nullptr) {
      code = handle->txn.Renew();
    } else {
      MDB_txn* raw = nullptr;
      code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &raw);
      if (code == MDB_SUCCESS) {
        handle = std::make_unique<LmdbReadHandle>(LmdbReadHandle{LmdbTransaction(raw), {}});
      }
    }
    if (code == MDB_SUCCESS) {
      return LmdbSnapshot(shared_from_this(), std::move(handle), std::move(map));
    }
    if (code != MDB_MAP_RESIZED) {
      return LmdbError(code, "cannot begin to read the LMDB database");
    }
    map.unlock();
    EDB_TRY(FollowGrowth());
  }
}

void LmdbEnvironment::Return(std::unique_ptr<LmdbReadHandle> handle) {
  handle->txn.Reset();
  const std::lock_guard lock(pool_mutex_);
  if (idle_.size() < kKeepReaders) {
    idle_.push_back(std::move(handle));
  }
}

Result<LmdbTransaction> LmdbEnvironment::BeginWrite(std::shared_lock<std::shared_mutex>& map) {
  map = HoldMap();
  MDB_txn* raw = nullptr;
  if (const int code = mdb_txn_begin(env_.get(), nullptr, 0, &raw); code != MDB_SUCCESS) {
    map.unlock();
    return LmdbError(code, "cannot begin to write the LMDB database");
  }
  return LmdbTransaction(raw);
}

std::size_t LmdbEnvironment::map_size() const {
  MDB_envinfo info{};
  static_cast<void>(mdb_env_info(env_.get(), &info));  // only refuses null pointers
  return info.me_mapsize;
}

Status LmdbEnvironment::SetMapSize(std::size_t size) {
  // LMDB gives the old map up first, and has none at all if it then does not get the new one.
  void* const room =
      ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    return LmdbError(errno, Concat("no ", size, " bytes of address space for the memory map"));
  }
  ::munmap(room, size);
  const int code = mdb_env_set_mapsize(env_.get(), size);
  return code == MDB_SUCCESS ? Status() : LmdbError(code, "cannot enlarge the memory map");
}

Status LmdbEnvironment::Grow() {
  const std::lock_guard turn(turn_);
  const std::unique_lock map(map_);
  const std::size_t size = map_size();
  if (size > std::numeric_limits<std::size_t>::max() / 4) {
    return ResourceExhaustedError("the memory map cannot become larger");
  }
  return SetMapSize(2 * size);
}

Status LmdbEnvironment::FollowGrowth() {
  const std::lock_guard turn(turn_);
  const std::unique_lock map(map_);
  EDB_ASSIGN(const std::uint64_t says, LengthOf(env_.get()));
  std::size_t size = map_size();
  if (size >= says) {
    return {};  // another thread was quicker
  }
  while (size < says) {
    size *= 2;
  }
  return SetMapSize(size);
}

void LmdbEnvironment::SetSyncMeta(bool sync_meta) {
  // Only an unknown flag could fail.
  static_cast<void>(mdb_env_set_flags(env_.get(), MDB_NOMETASYNC, sync_meta ? 0 : 1));
}

Status LmdbEnvironment::Sync() {
  const std::shared_lock map = HoldMap();
  const int code = mdb_env_sync(env_.get(), 1);
  return code == MDB_SUCCESS ? Status() : LmdbError(code, "cannot sync the LMDB database");
}

int LmdbEnvironment::ClearStaleReaders(bool now) {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  if (!now && time.count() < next_check_) {
    return 0;
  }
  next_check_ = (time + std::chrono::steady_clock::duration(kCheckReadersEvery)).count();
  int cleared = 0;
  static_cast<void>(mdb_reader_check(env_.get(), &cleared));  // tried again soon
  return cleared;
}

Status LmdbEnvironment::KeepLength() {
  // LMDB leaves out pages that were taken and given back within one transaction.
  const std::shared_lock map = HoldMap();
  EDB_ASSIGN(const std::uint64_t says, LengthOf(env_.get()));
  EDB_ASSIGN(const std::uint64_t has, FileSize(env_.get()));
  return has >= says ? Status() : SetFileSize(env_.get(), says);
}

bool LmdbEnvironment::DiskIsFull() const {
  struct statvfs info{};
  return ::statvfs(options_.folder.c_str(), &info) == 0 &&
         info.f_bavail < kFullDiskBytes / std::max<std::uint64_t>(info.f_frsize, 1);
}

std::uint64_t LmdbEnvironment::LastCommit() {
  const std::shared_lock map = HoldMap();
  MDB_envinfo info{};
  static_cast<void>(mdb_env_info(env_.get(), &info));  // only refuses null pointers
  return info.me_last_txnid;
}

}  // namespace embeddingsdb
