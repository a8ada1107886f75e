// SPDX-License-Identifier: BSD-3-Clause
//
// LmdbEnvironment: the open file of one database, its memory map and its transactions.
//
// LMDB must not open a file twice in one process: closing either handle would drop the locks of
// both. So all stores of a process on one folder share one environment, also a reader beside the
// writer.
//
// The map is a reservation of addresses, which costs neither memory nor disk. When the file
// outgrows it, a larger one takes its place. Meanwhile no thread may touch the old one: whoever
// reads holds it (`LmdbSnapshot`), and a snapshot that is kept for long lets go of the map between
// two reads (`Park`). LMDB's transactions know pages by number, so they go on over a new map;
// cursors and values do not.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_ENVIRONMENT_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_ENVIRONMENT_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

#include "engines/lmdb/lmdb_handle.h"

struct MDB_env;

namespace embeddingsdb {

/// The tables of a file; lmdb_format.h says what is in them.
struct LmdbTables {
  LmdbTable meta = 0;
  LmdbTable spaces = 0;
  LmdbTable shapes = 0;
  LmdbTable keys = 0;
  LmdbTable list = 0;
  LmdbTable rows = 0;
  LmdbTable vectors = 0;
};

/// Keeps other processes from opening the database of a folder. An environment that this process
/// opens meanwhile takes over; until it is closed this must live, because closing a file drops the
/// locks that the process has on it.
class LmdbSoleUse {
 public:
  /// kFailedPrecondition naming the process when another has it open. This one must not.
  static Result<std::shared_ptr<const LmdbSoleUse>> Take(const std::string& folder);
  explicit LmdbSoleUse(int file) : file_(file) {}
  LmdbSoleUse(const LmdbSoleUse&) = delete;
  LmdbSoleUse& operator=(const LmdbSoleUse&) = delete;
  ~LmdbSoleUse();

 private:
  int file_;
};

/// Pages of a file.
struct LmdbPages {
  std::uint64_t size = 0;  ///< bytes a page
  std::uint64_t all = 0;
  std::uint64_t free = 0;
  unsigned int readers = 0;  ///< places for readers that have been used
};

struct LmdbEnvironmentOptions {
  std::string folder;  ///< has to exist
  bool read_only = false;
  bool sync_meta = true;                          ///< false: a power cut may undo the newest commit
  std::size_t map_size = 0;                       ///< bytes of address space at first; 0: plenty
  std::shared_ptr<const LmdbSoleUse> alone = {};  ///< of the folder, until it is open; may be null
};

/// Names that a row refers to by number; never changed, so a reader keeps those it has met.
struct LmdbNames {
  std::unordered_map<std::uint64_t, std::pair<std::string, std::string>> spaces;
  std::unordered_map<std::uint64_t, std::vector<std::string>> shapes;
};

/// A transaction that reads, with what is worth keeping from one use to the next.
struct LmdbReadHandle {
  LmdbTransaction txn;
  LmdbNames names;
};

class LmdbEnvironment;

/// One moment of the database. Goes back to the environment's pool when destroyed.
class LmdbSnapshot {
 public:
  LmdbSnapshot(std::shared_ptr<LmdbEnvironment> environment, std::unique_ptr<LmdbReadHandle> handle,
               std::shared_lock<std::shared_mutex> map);
  LmdbSnapshot(const LmdbSnapshot&) = delete;
  LmdbSnapshot& operator=(const LmdbSnapshot&) = delete;
  LmdbSnapshot(LmdbSnapshot&&) = default;
  LmdbSnapshot& operator=(LmdbSnapshot&&) = delete;
  ~LmdbSnapshot();

  const LmdbTransaction& txn() const { return handle_->txn; }
  LmdbNames& names() const { return handle_->names; }
  const LmdbTables& tables() const;

  /// Lets the map be replaced; no cursor and no value of this snapshot may be used any more.
  /// Park and Unpark are called by the same thread in turns, Unpark by any.
  void Park() { map_.unlock(); }
  void Unpark();

 private:
  std::shared_ptr<LmdbEnvironment> environment_;
  std::unique_ptr<LmdbReadHandle> handle_;
  std::shared_lock<std::shared_mutex> map_;
};

class LmdbEnvironment : public std::enable_shared_from_this<LmdbEnvironment> {
 public:
  /// Writes and syncs a file without records.
  static Status MakeFile(const std::string& path);

  /// Opens the folder's file, or shares it with whoever in this process has it open. Its tables are
  /// made where it has none, unless read-only. kDataLoss when it is shorter than it says;
  /// kFailedPrecondition when it is not ours or newer than this program, or is to be written and
  /// this process reads it already.
  static Result<std::shared_ptr<LmdbEnvironment>> Open(const LmdbEnvironmentOptions& options);
  LmdbEnvironment(const LmdbEnvironment&) = delete;
  LmdbEnvironment& operator=(const LmdbEnvironment&) = delete;
  ~LmdbEnvironment();

  /// Closes `environment`, puts the file `fresh` in the place of its data and opens it again.
  /// kFailedPrecondition when it is not the only user of the folder in all processes: then the old
  /// file is open again. On kAborted nothing is open; `environment` is null.
  static Status Replace(std::shared_ptr<LmdbEnvironment>& environment,
                        LmdbEnvironmentOptions options, const std::string& fresh);

  const LmdbTables& tables() const { return tables_; }
  /// Writes and syncs a copy of the newest commit without free pages.
  Status CopyTo(const std::string& path);
  Result<LmdbPages> Pages();

  Result<LmdbSnapshot> BeginRead();
  /// One at a time, by the one that holds the write lock of the folder. `map` has to be held for as
  /// long as the transaction lives.
  Result<LmdbTransaction> BeginWrite(std::shared_lock<std::shared_mutex>& map);
  /// A map of twice the size, once no thread reads. kResourceExhausted when there is no room.
  Status Grow();

  void SetSyncMeta(bool sync_meta);
  Status Sync();
  /// Frees the places of readers that died without leaving, whose snapshots would keep the file
  /// growing; looks for them at most every few seconds unless `now`. How many there were.
  int ClearStaleReaders(bool now);
  /// After a commit: the file is at least as long as it says, which a reader checks.
  Status KeepLength();
  /// The number of the newest commit of any process.
  std::uint64_t LastCommit();
  /// Less than a megabyte is free on the disk.
  bool DiskIsFull() const;
  std::size_t map_size() const;
  bool read_only() const { return options_.read_only; }

 private:
  friend class LmdbSnapshot;
  friend class OpenEnvironments;

  explicit LmdbEnvironment(LmdbEnvironmentOptions options) : options_(std::move(options)) {}

  Status OpenFile();
  Result<bool> IsCurrentFile() const;
  /// kDataLoss when pages that may be read are behind the end of the file.
  Status CheckLength();
  /// True when nobody reads the file's pages from `length` bytes on.
  Result<bool> IsFreeFrom(std::uint64_t length);
  Status OpenTables();
  Status SetMapSize(std::size_t size);
  std::shared_lock<std::shared_mutex> HoldMap();
  /// Enlarges the map for a file that another process has made larger than it.
  Status FollowGrowth();
  void Return(std::unique_ptr<LmdbReadHandle> handle);

  struct Closer {
    void operator()(MDB_env* env) const;
  };

  const LmdbEnvironmentOptions options_;
  LmdbTables tables_;
  /// Whoever wants the map takes its turn here, so that readers cannot keep Grow waiting for ever.
  std::mutex turn_;
  std::shared_mutex map_;
  std::unique_ptr<MDB_env, Closer> env_;
  std::mutex pool_mutex_;
  std::vector<std::unique_ptr<LmdbReadHandle>> idle_;  // guarded by pool_mutex_; before env_ goes
  std::atomic<std::chrono::steady_clock::duration::rep> next_check_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_ENVIRONMENT_H_
