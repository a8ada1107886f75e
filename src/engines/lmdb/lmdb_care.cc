// SPDX-License-Identifier: BSD-3-Clause
//
// LmdbStore: what its file takes, and giving room back.
#include <cerrno>
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/lock_holder.h"
#include "core/text.h"
#include "engines/file_bytes.h"
#include "engines/lmdb/lmdb_format.h"
#include "engines/lmdb/lmdb_store.h"

namespace embeddingsdb {
namespace {

std::string LockFileOf(const std::string& folder) {
  return folder + "/lock.mdb";
}

/// LMDB's lock on the first byte: shared by the processes that have the database open.
struct flock FirstByte(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return lock;
}

Status IsOpenElsewhere(const std::string& folder, long pid) {
  return FailedPreconditionError(Concat(QuoteWhole(folder), " is open in ", DescribeProcess(pid),
                                        "; compacting needs it alone"));
}

}  // namespace

LmdbSoleUse::~LmdbSoleUse() {
  ::close(file_);
}

Result<std::shared_ptr<const LmdbSoleUse>> LmdbSoleUse::Take(const std::string& folder) {
  const std::string path = LockFileOf(folder);
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) {
    return LmdbError(errno, Concat("cannot open ", QuoteWhole(path)));
  }
  const auto alone = std::make_shared<const LmdbSoleUse>(file);
  struct flock lock = FirstByte(F_WRLCK);
  if (::fcntl(file, F_SETLK, &lock) == 0) {
    return alone;
  }
  struct flock holder = FirstByte(F_WRLCK);
  const bool told = ::fcntl(file, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
  return IsOpenElsewhere(folder, told ? holder.l_pid : 0);
}

Status LmdbEnvironment::CopyTo(const std::string& path) {
  mdb_filehandle_t data = -1;
  struct stat info{};
  if (mdb_env_get_fd(env_.get(), &data) != MDB_SUCCESS || ::fstat(data, &info) != 0) {
    return LmdbError(errno, "cannot look at the LMDB database");
  }
  const int file =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) {
    return LmdbError(errno, Concat("cannot make ", QuoteWhole(path)));
  }
  int code = MDB_SUCCESS;
  {
    const std::shared_lock map = HoldMap();
    code = mdb_env_copyfd2(env_.get(), file, MDB_CP_COMPACT);
  }
  if (code == MDB_SUCCESS && (::fchmod(file, info.st_mode & ALLPERMS) != 0 || ::fsync(file) != 0)) {
    code = errno;
  }
  if (::close(file) != 0 && code == MDB_SUCCESS) {
    code = errno;
  }
  if (code == MDB_SUCCESS) {
    return {};
  }
  ::unlink(path.c_str());
  return LmdbError(code, Concat("cannot write ", QuoteWhole(path)));
}

Result<LmdbPages> LmdbEnvironment::Pages() {
  EDB_ASSIGN(const LmdbSnapshot snapshot, BeginRead());
  MDB_envinfo info{};
  MDB_stat stat{};
  static_cast<void>(mdb_env_info(env_.get(), &info));  // these only refuse null pointers
  static_cast<void>(mdb_env_stat(env_.get(), &stat));
  LmdbPages pages{.size = stat.ms_psize,
                  .all = std::uint64_t{info.me_last_pgno} + 1,
                  .free = 0,
                  .readers = info.me_numreaders};
  // LMDB's own table of free pages: lists of numbers, their count in front.
  constexpr LmdbTable kFreePages = 0;
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(snapshot.txn(), kFreePages));
  EDB_ASSIGN(bool more, cursor.First());
  while (more) {
    LmdbBytes list(cursor.value());
    pages.free += list.Fixed64();
    EDB_ASSIGN(more, cursor.Next());
  }
  return pages;
}

Result<StoreFacts> LmdbStore::Facts() {
  StoreFacts facts;
  std::shared_ptr<LmdbEnvironment> environment;
  {
    const std::lock_guard lock(environment_mutex_);
    environment = environment_;
  }
  if (environment == nullptr) {
    return FailedPreconditionError("the LMDB store is closed");
  }
  EDB_ASSIGN(const LmdbPages pages, environment->Pages());
  facts.facts = {{"page_size", static_cast<std::int64_t>(pages.size)},
                 {"pages", static_cast<std::int64_t>(pages.all)},
                 {"free_pages", static_cast<std::int64_t>(pages.free)},
                 {"map_size", static_cast<std::int64_t>(environment->map_size())},
                 {"reader_places", static_cast<std::int64_t>(pages.readers)}};
  facts.files.records = FileBytes(options_.folder + "/data.mdb");
  facts.files.other = FolderBytes(options_.folder) - facts.files.records;
  return facts;
}

Status LmdbStore::Compact() {
  const std::lock_guard lock(write_mutex_);
  if (writer_ == nullptr) {
    return FailedPreconditionError("the LMDB store is closed or read-only");
  }
  // What follows would find out as well, but only after the copying.
  if (const auto other = OtherLockHolderOf(LockFileOf(options_.folder))) {
    return IsOpenElsewhere(options_.folder, *other);
  }
  const std::lock_guard environment_lock(environment_mutex_);
  EDB_TRY(environment_->CopyTo(FreshFile()));
  writer_.reset();  // it holds the environment
  Status replaced = LmdbEnvironment::Replace(environment_, EnvironmentOptions(), FreshFile());
  ::unlink(FreshFile().c_str());  // where it has not become the data
  if (environment_ == nullptr) {
    return replaced;
  }
  if (const Status opened = OpenWriter(); !opened.ok()) {
    return {StatusCode::kAborted, Concat("cannot write any more: ", opened.message())};
  }
  return replaced;
}

}  // namespace embeddingsdb
