// SPDX-License-Identifier: BSD-3-Clause
//
// WriteQueue: whose turn it is to write. Who asks first has the first turn, and the adds that wait
// for one are stored together: a durable commit costs the same time for one record and for many.
#ifndef EMBEDDINGSDB_ENGINES_WRITE_QUEUE_H_
#define EMBEDDINGSDB_ENGINES_WRITE_QUEUE_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/record.h"

#include "engines/record_store.h"

namespace embeddingsdb {

/// What a WriteQueue does in a turn. Both are called by the thread whose turn it is.
struct WriteQueueOptions {
  /// Whether the records of one caller may be stored, by what is stored now.
  std::function<Status(std::span<const Record* const> records)> check;
  /// Stores records (distinct keys) in one commit and makes them seen: all or none.
  std::function<Result<std::vector<PutResult>>(std::span<const Record* const> records)> commit;
  /// How many turns there are at a time, for a store that takes several commits at once; only with
  /// one is the queue a mutex too.
  int turns = 1;
};

/// A mutex that is handed on in the order of asking, and that makes one commit of the adds which
/// wait side by side. A caller alone has no more to do than to lock a mutex. Only while there is a
/// crowd does an add wait for those whom the commit before it has served, for a quarter of the time
/// that took and kMaxPatience at most: else half of the crowd would miss every commit. With several
/// turns nobody waits for others: who misses one commit has the next one soon.
/// Safe for concurrent use; outlives its callers.
class WriteQueue {
 public:
  explicit WriteQueue(WriteQueueOptions options)
      : options_(std::move(options)), free_turns_(options_.turns) {}
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  ~WriteQueue() = default;

  static constexpr std::chrono::milliseconds kMaxPatience{2};

  /// Stores the records (distinct keys), all or none, in a commit that may hold those of other
  /// callers; returns when it is over. Each caller has its own outcome: records that `check`
  /// refuses are left out, and when a commit of several callers fails each is tried alone, unless
  /// it is kUnavailable, kUnknown or kDeadlineExceeded, of which all are told. Not to be called in
  /// a turn.
  Result<AddReport> Add(std::span<const Record* const> records);

  /// A turn for anything else: nothing is stored between lock and unlock but by the caller.
  void lock();
  void unlock() { HandOn({}); }

  /// How many callers wait for a turn now.
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  struct Caller;
  class Turn;
  using Clock = std::chrono::steady_clock;

  /// Waits until the caller has the turn (true), or another has stored its records (false).
  bool Wait(Caller& caller);
  /// Ends a turn; `served` are callers who need none any more.
  void HandOn(std::span<Caller* const> served);
  void ExpectCrowd(std::size_t served, Clock::duration commit);
  /// The callers behind `first` who can share its commit, taken out of the queue.
  std::vector<Caller*> Gather(const Caller& first);
  void Store(std::span<Caller* const> callers);

  const WriteQueueOptions options_;
  mutable std::mutex mutex_;
  // All guarded by mutex_.
  int free_turns_;
  std::deque<Caller*> waiting_;
  std::condition_variable crowd_is_back_;
  std::size_t crowd_ = 1;       // callers whom the last commit has served or kept waiting
  Clock::time_point patience_;  // until when they are waited for
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_WRITE_QUEUE_H_
