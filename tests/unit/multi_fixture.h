// SPDX-License-Identifier: BSD-3-Clause
//
// A multi:// database whose members a test can look into, hold up and let die.
#ifndef EMBEDDINGSDB_TESTS_UNIT_MULTI_FIXTURE_H_
#define EMBEDDINGSDB_TESTS_UNIT_MULTI_FIXTURE_H_

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embeddingsdb/uri.h"

#include "support/forwarding_database.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {

/// What a member counts and obeys. Outlives it.
struct MemberState {
  Database* database = nullptr;  ///< what is behind the member: to write past multi://
  std::atomic<bool> dead = false;
  std::atomic<bool> refuses_adds = false;
  std::atomic<bool> slow = false;  ///< takes its time, so that races have time to happen
  std::atomic<bool> closed = false;
  std::atomic<bool> flushed = false;
  std::atomic<int> lists = 0;
  std::atomic<std::int64_t> listed = 0;  ///< records in all pages
  std::atomic<int> searches = 0;
  std::function<void()> before_search;
};

/// Fails by every call once it is dead.
class TestMember final : public ForwardingDatabase {
 public:
  TestMember(std::unique_ptr<Database> base, MemberState& state)
      : ForwardingDatabase(std::move(base)), state_(state) {
    state_.database = &this->base();
  }

  Result<AddReport> AddBatch(std::span<const Record> records, const AddOptions& options) override {
    EDB_TRY(Alive());
    if (state_.refuses_adds) {
      return ResourceExhaustedError("the disk is full");
    }
    return base().AddBatch(records, options);
  }
  Status Flush() override {
    state_.flushed = true;
    EDB_TRY(Alive());
    return base().Flush();
  }
  Result<Record> Get(const Key& key) override {
    EDB_TRY(Alive());
    return base().Get(key);
  }
  Result<bool> Remove(const Key& key) override {
    EDB_TRY(Alive());
    return base().Remove(key);
  }
  Result<RecordPage> List(const ListQuery& query) override {
    EDB_TRY(Alive());
    ++state_.lists;
    Result<RecordPage> page = base().List(query);
    state_.listed += page.ok() ? std::ssize(page->records) : 0;
    return page;
  }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override {
    EDB_TRY(Alive());
    return base().Scan(filters);
  }
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override {
    EDB_TRY(Alive());
    ++state_.searches;
    if (state_.before_search) {
      state_.before_search();
    }
    return base().Similar(query);
  }
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override {
    EDB_TRY(Alive());
    return base().Count(filters);
  }
  Result<std::vector<std::string>> Models(std::span<const std::string> providers) override {
    EDB_TRY(Alive());
    return base().Models(providers);
  }
  Result<std::vector<std::string>> Providers(std::span<const std::string> models) override {
    EDB_TRY(Alive());
    return base().Providers(models);
  }
  Result<std::vector<int>> Dimensions() override {
    EDB_TRY(Alive());
    return base().Dimensions();
  }
  Result<std::int64_t> LastUpdate() override {
    EDB_TRY(Alive());
    return base().LastUpdate();
  }
  Result<VerifyReport> Verify() override {
    EDB_TRY(Alive());
    return base().Verify();
  }
  Status Close() override {
    state_.closed = true;
    EDB_TRY(Alive());
    return base().Close();
  }

 private:
  Status Alive() const {
    if (state_.slow) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return state_.dead ? UnavailableError("the line is dead") : Status();
  }

  MemberState& state_;
};

/// multi://?database=...&database=...
inline std::string MultiUri(const std::vector<std::string>& members,
                            const std::string& options = "") {
  std::string uri = "multi://?";
  for (const std::string& member : members) {
    uri += "database=" + PercentEncode(member) + "&";
  }
  return uri + options;
}

class MultiTest : public testing::Test {
 protected:
  void SetUp() override {
    // test://0?... is memory:// with the state states_[0].
    test_.registry.AddDatabase("test", [this](const Uri& uri, const Context& context) {
      return OpenTestMember(uri, context);
    });
  }

  Result<std::unique_ptr<Database>> TryOpen(const std::vector<std::string>& members,
                                            const std::string& options = "") {
    return test_.Open(MultiUri(members, options));
  }
  void Open(const std::vector<std::string>& members, const std::string& options = "") {
    Result<std::unique_ptr<Database>> opened = TryOpen(members, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = *std::move(opened);
  }
  /// How many records each member has.
  std::vector<std::int64_t> Counts(std::size_t members) {
    std::vector<std::int64_t> counts;
    for (std::size_t i = 0; i < members; ++i) {
      counts.push_back(*states_[i].database->Count({}));
    }
    return counts;
  }

  TestContext test_;
  std::array<MemberState, 4> states_;
  std::unique_ptr<Database> db_;

 private:
  Result<std::unique_ptr<Database>> OpenTestMember(const Uri& uri, const Context& context) {
    std::string text = "memory://";
    char separator = '?';
    for (const auto& [name, value] : uri.options()) {
      text.append({separator}).append(name).append("=").append(PercentEncode(value));
      separator = '&';
    }
    EDB_ASSIGN(std::unique_ptr<Database> base, context.registry->OpenDatabase(text, context));
    return std::unique_ptr<Database>(std::make_unique<TestMember>(
        std::move(base), states_.at(static_cast<std::size_t>(std::stoi(uri.FilePath())))));
  }
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_UNIT_MULTI_FIXTURE_H_
