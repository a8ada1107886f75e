// SPDX-License-Identifier: BSD-3-Clause
//
// A database that a test can watch and hold up.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_HOOKED_DATABASE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_HOOKED_DATABASE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "support/forwarding_database.h"

namespace embeddingsdb {

/// What happens in a HookedDatabase; outlives it.
class Hooks {
 public:
  using BeforeAdd = std::function<Status(std::span<const Record>)>;

  /// Called before each add; an error takes the add's place.
  void set_before_add(BeforeAdd hook) {
    const std::lock_guard lock(mutex_);
    before_add_ = std::move(hook);
  }
  BeforeAdd before_add() const {
    const std::lock_guard lock(mutex_);
    return before_add_;
  }

  std::atomic<std::int64_t> stored = 0;  ///< records in batches that were stored
  std::atomic<std::int64_t> batches = 0;
  std::atomic<bool> flushed = false;
  std::atomic<bool> closed = false;

 private:
  mutable std::mutex mutex_;
  BeforeAdd before_add_;
};

/// Forwards to `base`.
class HookedDatabase final : public ForwardingDatabase {
 public:
  HookedDatabase(std::unique_ptr<Database> base, Hooks& hooks)
      : ForwardingDatabase(std::move(base)), hooks_(hooks) {}

  Result<AddReport> AddBatch(std::span<const Record> records, const AddOptions& options) override {
    if (const auto hook = hooks_.before_add()) {
      EDB_TRY(hook(records));
    }
    auto report = ForwardingDatabase::AddBatch(records, options);
    if (report.ok()) {
      hooks_.stored += static_cast<std::int64_t>(records.size());
      ++hooks_.batches;
    }
    return report;
  }
  Status Flush() override {
    hooks_.flushed = true;
    return ForwardingDatabase::Flush();
  }
  Status Close() override {
    hooks_.closed = true;
    return ForwardingDatabase::Close();
  }

 private:
  Hooks& hooks_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_HOOKED_DATABASE_H_
