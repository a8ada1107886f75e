// SPDX-License-Identifier: BSD-3-Clause
//
// A database that a test can watch and hold up.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_HOOKED_DATABASE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_HOOKED_DATABASE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"

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
class HookedDatabase final : public Database {
 public:
  HookedDatabase(std::unique_ptr<Database> base, Hooks& hooks)
      : base_(std::move(base)), hooks_(hooks) {}

  Result<AddReport> Add(const Record& record) override { return AddBatch({&record, 1}); }
  Result<AddReport> AddBatch(std::span<const Record> records) override {
    if (const auto hook = hooks_.before_add()) {
      EDB_TRY(hook(records));
    }
    auto report = base_->AddBatch(records);
    if (report.ok()) {
      hooks_.stored += static_cast<std::int64_t>(records.size());
      ++hooks_.batches;
    }
    return report;
  }
  std::int64_t Pending() const override { return base_->Pending(); }
  Status Flush() override {
    hooks_.flushed = true;
    return base_->Flush();
  }
  Result<Record> Get(const Key& key) override { return base_->Get(key); }
  Result<bool> Remove(const Key& key) override { return base_->Remove(key); }
  Result<RecordPage> List(const ListQuery& query) override { return base_->List(query); }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override {
    return base_->Scan(filters);
  }
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override {
    return base_->Similar(query);
  }
  Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) override {
    return base_->SimilarById(query);
  }
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override {
    return base_->Count(filters);
  }
  Result<std::vector<std::string>> Models(std::span<const std::string> providers) override {
    return base_->Models(providers);
  }
  Result<std::vector<std::string>> Providers(std::span<const std::string> models) override {
    return base_->Providers(models);
  }
  Result<std::vector<int>> Dimensions() override { return base_->Dimensions(); }
  Result<std::int64_t> LastUpdate() override { return base_->LastUpdate(); }
  PaginationType pagination_type() const override { return base_->pagination_type(); }
  Status Export(const std::string& path) override { return base_->Export(path); }
  Result<VerifyReport> Verify() override { return base_->Verify(); }
  Capabilities capabilities() const override { return base_->capabilities(); }
  std::string uri() const override { return base_->uri(); }
  Status Close() override {
    hooks_.closed = true;
    return base_->Close();
  }

 private:
  std::unique_ptr<Database> base_;
  Hooks& hooks_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_HOOKED_DATABASE_H_
