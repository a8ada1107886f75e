// SPDX-License-Identifier: BSD-3-Clause
#include "engines/write_queue.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/record_bytes.h"

namespace embeddingsdb {
namespace {

/// What the records of one commit have in common.
class Group {
 public:
  /// Takes the first caller's records as they are.
  explicit Group(std::span<const Record* const> records) {
    for (const Record* record : records) {
      keys_.insert(std::cref(record->key));
      lengths_.try_emplace(record->key.model, record->embedding.size());
      bytes_ += RecordBytes(*record);
    }
  }

  /// Takes more records if they can be stored together with those before them. Two of one key
  /// cannot. Nor can two lengths of a model: which one is wrong may depend on whether the commit
  /// succeeds.
  bool Take(std::span<const Record* const> records) {
    std::size_t bytes = bytes_;
    for (const Record* record : records) {
      const auto length = lengths_.find(record->key.model);
      if (keys_.contains(std::cref(record->key)) ||
          (length != lengths_.end() && length->second != record->embedding.size())) {
        return false;
      }
      bytes += RecordBytes(*record);
    }
    if (bytes > kMaxBatchBytes || keys_.size() + records.size() > kMaxBatchRecords) {
      return false;
    }
    for (const Record* record : records) {
      keys_.insert(std::cref(record->key));
      lengths_.try_emplace(record->key.model, record->embedding.size());
    }
    bytes_ = bytes;
    return true;
  }

 private:
  std::set<std::reference_wrapper<const Key>, std::less<Key>> keys_;
  std::map<std::string_view, std::size_t> lengths_;  // of the models' vectors
  std::size_t bytes_ = 0;
};

/// Whether it is the fault of what the records are stored in: none of them would fare better alone.
bool ConcernsAll(StatusCode code) {
  return code == StatusCode::kUnavailable || code == StatusCode::kUnknown ||
         code == StatusCode::kDeadlineExceeded;
}

AddReport ReportOf(std::span<const PutResult> stored) {
  AddReport report;
  for (const PutResult& result : stored) {
    ++(result.replaced ? report.replaced : report.added);
  }
  return report;
}

}  // namespace

/// Somebody who has asked for a turn; on the stack of the asking thread.
struct WriteQueue::Caller {
  enum class State : std::uint8_t { kWaits, kHasTurn, kServed };

  std::span<const Record* const> records;    // none: the caller wants a turn for something else
  std::optional<Result<AddReport>> outcome;  // belongs to whoever has the turn until then
  State state = State::kWaits;               // guarded by mutex_
  std::condition_variable changed;
};

/// Hands the turn on at its end, however that comes, and tells those who were served.
class WriteQueue::Turn {
 public:
  explicit Turn(WriteQueue& queue) : queue_(queue) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { queue_.HandOn(served_); }

  void set_served(std::vector<Caller*> served) { served_ = std::move(served); }

 private:
  WriteQueue& queue_;
  std::vector<Caller*> served_;
};

Result<AddReport> WriteQueue::Add(std::span<const Record* const> records) {
  Caller own;
  own.records = records;
  if (Wait(own)) {
    Turn turn(*this);
    std::vector<Caller*> callers = Gather(own);
    turn.set_served(callers);
    callers.insert(callers.begin(), &own);
    const auto start = Clock::now();
    Store(callers);
    ExpectCrowd(callers.size(), Clock::now() - start);
  }
  if (!own.outcome) {
    return InternalError("the write was broken off");  // something has thrown
  }
  return *std::move(own.outcome);
}

void WriteQueue::lock() {
  Caller own;
  Wait(own);
}

bool WriteQueue::Wait(Caller& caller) {
  std::unique_lock lock(mutex_);
  if (free_turns_ > 0) {
    --free_turns_;
    return true;
  }
  waiting_.push_back(&caller);
  if (waiting_.size() + 1 == crowd_) {
    crowd_is_back_.notify_one();
  }
  caller.changed.wait(lock, [&] { return caller.state != Caller::State::kWaits; });
  return caller.state == Caller::State::kHasTurn;
}

void WriteQueue::HandOn(std::span<Caller* const> served) {
  // All are told under the lock: a caller is gone as soon as it can see that it was served.
  const std::lock_guard lock(mutex_);
  // The next one first: what it does takes longest.
  if (waiting_.empty()) {
    ++free_turns_;
  } else {
    Caller& next = *waiting_.front();
    waiting_.pop_front();
    next.state = Caller::State::kHasTurn;
    next.changed.notify_one();
  }
  for (Caller* caller : served) {
    caller->state = Caller::State::kServed;
    caller->changed.notify_one();
  }
}

void WriteQueue::ExpectCrowd(std::size_t served, Clock::duration commit) {
  if (options_.turns > 1) {
    return;
  }
  const std::lock_guard lock(mutex_);
  crowd_ = served + waiting_.size();
  patience_ = Clock::now() + std::min<Clock::duration>(commit / 4, kMaxPatience);
}

std::vector<WriteQueue::Caller*> WriteQueue::Gather(const Caller& first) {
  std::vector<Caller*> callers;
  std::unique_lock lock(mutex_);
  crowd_is_back_.wait_until(lock, patience_, [&] { return waiting_.size() + 1 >= crowd_; });
  if (waiting_.empty()) {
    return callers;
  }
  Group group(first.records);
  while (!waiting_.empty()) {
    Caller* caller = waiting_.front();
    if (caller->records.empty() || !group.Take(caller->records)) {
      break;  // nobody is overtaken
    }
    waiting_.pop_front();
    callers.push_back(caller);
  }
  return callers;
}

void WriteQueue::Store(std::span<Caller* const> callers) {
  std::vector<Caller*> accepted;
  std::vector<const Record*> records;
  for (Caller* caller : callers) {
    if (Status status = options_.check(caller->records); !status.ok()) {
      caller->outcome = std::move(status);
      continue;
    }
    accepted.push_back(caller);
    records.insert(records.end(), caller->records.begin(), caller->records.end());
  }
  if (accepted.empty()) {
    return;
  }
  const Result<std::vector<PutResult>> stored = options_.commit(records);
  if (stored.ok()) {
    std::span<const PutResult> results = *stored;
    for (Caller* caller : accepted) {
      caller->outcome = ReportOf(results.first(caller->records.size()));
      results = results.subspan(caller->records.size());
    }
    return;
  }
  const bool settled = accepted.size() == 1 || ConcernsAll(stored.status().code());
  for (Caller* caller : accepted) {
    if (settled) {
      caller->outcome = stored.status();
    } else {
      Store({&caller, 1});
    }
  }
}

}  // namespace embeddingsdb
