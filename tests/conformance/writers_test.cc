// SPDX-License-Identifier: BSD-3-Clause
//
// Many who write at once: what each was told is so, whoever shared its commit.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>

#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

/// A write to a key and the time it took, by a clock that ticks once for each look at it.
struct Write {
  int begin = 0;
  int end = 0;               ///< when it was acknowledged
  std::int64_t created = 0;  ///< of the record that was written, no two alike; 0: it was removed
};

/// What was written to the keys. Safe for concurrent use.
class History {
 public:
  int Now() { return ++clock_; }
  void Add(const Key& key, const Write& write) {
    const std::lock_guard lock(mutex_);
    writes_[key].push_back(write);
  }
  /// What a key may hold once all writes are over: what was written last, by one of those who were
  /// at it together.
  std::set<std::int64_t> Possible(const Key& key) const {
    const std::vector<Write>& writes = writes_.at(key);
    const auto last = std::max_element(writes.begin(), writes.end(),
                                       [](auto& a, auto& b) { return a.begin < b.begin; });
    std::set<std::int64_t> possible;
    for (const Write& write : writes) {
      if (write.end > last->begin) {
        possible.insert(write.created);
      }
    }
    return possible;
  }
  std::vector<Key> Keys() const {
    std::vector<Key> keys;
    for (const auto& [key, writes] : writes_) {
      keys.push_back(key);
    }
    return keys;
  }

 private:
  std::atomic<int> clock_ = 0;
  std::mutex mutex_;
  std::map<Key, std::vector<Write>> writes_;
};

class Writers : public EngineTest {
 protected:
  static constexpr int kWriters = 8;
  static constexpr int kTurns = 12;

  static Record RecordOf(const std::string& provider, int number, std::int64_t created) {
    const auto value = static_cast<float>(created);
    Record record = MakeRecord(provider, "d" + std::to_string(number), "m", {value, value + 1, 2});
    record.created = created;
    record.attributes = {{"created", std::to_string(created)}};
    return record;
  }
  /// Runs every writer in a thread of its own.
  template <typename Writer>
  static void RunAll(const Writer& writer) {
    std::vector<std::jthread> threads;
    for (int number = 0; number < kWriters; ++number) {
      threads.emplace_back([&writer, number] { writer(number); });
    }
  }
  /// 0 when there is no such record; and everything about it fits together.
  std::int64_t CreatedOf(const Key& key) {
    const Result<Record> record = db_->Get(key);
    if (!record.ok()) {
      EXPECT_EQ(record.status().code(), StatusCode::kNotFound) << record.status();
      return 0;
    }
    EXPECT_EQ(*record,
              RecordOf(key.provider, std::stoi(key.depiction_id.substr(1)), record->created));
    return record->created;
  }
  bool IsFound(const Record& record) {
    const auto found =
        db_->Similar({.model = "m", .embedding = record.embedding, .k = 5, .max_distance = 0.5F});
    EXPECT_OK(found);
    return std::any_of(found->begin(), found->end(),
                       [&](const SimilarRecord& one) { return one.key == record.key; });
  }
};
EDB_FOR_ALL_STORES(Writers);

TEST_P(Writers, TheLastAcknowledgedWriteOfAKeyIsTheOneThatStays) {
  History history;
  RunAll([&](int writer) {
    std::mt19937_64 random(TestSeed() + static_cast<std::uint64_t>(writer));
    for (int turn = 0; turn < kTurns; ++turn) {
      const std::int64_t created = 1 + writer + turn * kWriters;
      const Record record = RecordOf("p", static_cast<int>(random() % 5), created);
      const int begin = history.Now();
      if (random() % 4 == 0) {
        EXPECT_OK(db_->Remove(record.key));
        history.Add(record.key, {begin, history.Now(), 0});
        continue;
      }
      const auto report = db_->Add(record);
      history.Add(record.key, {begin, history.Now(), created});
      EXPECT_OK(report);
      EXPECT_EQ(report->added + report->replaced, 1);
    }
  });
  std::int64_t left = 0;
  for (const Key& key : history.Keys()) {
    const std::int64_t created = CreatedOf(key);
    EXPECT_TRUE(history.Possible(key).contains(created)) << created << " is not the last";
    left += created == 0 ? 0 : 1;
  }
  EXPECT_EQ(*db_->Count({}), left);
  EXPECT_TRUE(db_->Verify()->problems.empty());
}

TEST_P(Writers, WhatWasAcknowledgedIsSeenByTheNextCall) {
  Add(RecordOf("p", 0, 1));
  ASSERT_OK(db_->Similar({.model = "m", .embedding = {1, 2, 3}}));
  const bool exact = db_->capabilities().exact;  // else bits of distance do not tell records apart
  RunAll([&](int writer) {
    const std::string provider = "writer" + std::to_string(writer);
    for (int turn = 0; turn < kTurns; ++turn) {
      const Record record = RecordOf(provider, turn % 3, 10 + writer + turn * kWriters);
      const auto report = db_->Add(record);
      ASSERT_OK(report);
      EXPECT_EQ(report->added, turn < 3 ? 1 : 0);
      EXPECT_EQ(CreatedOf(record.key), record.created);
      EXPECT_TRUE(!exact || IsFound(record));
    }
    const Key last = RecordOf(provider, 0, 0).key;
    EXPECT_TRUE(*db_->Remove(last));
    EXPECT_EQ(CreatedOf(last), 0);
  });
  EXPECT_EQ(*db_->Count({}), kWriters * 2 + 1);
}

TEST_P(Writers, ABadRecordIsRefusedAmongGoodOnesAndHarmsNone) {
  Add(RecordOf("p", 0, 1));  // the length is fixed
  RunAll([&](int writer) {
    for (int turn = 0; turn < kTurns; ++turn) {
      Record record = RecordOf("p", 1 + writer * kTurns + turn, 1 + turn);
      if (writer % 4 == 0) {
        record.embedding.push_back(1);
        EXPECT_FAILS(db_->Add(record), kInvalidArgument, "have 4 elements");
      } else {
        EXPECT_OK(db_->Add(record));
      }
    }
  });
  EXPECT_EQ(*db_->Count({}), 1 + kWriters / 4 * 3 * kTurns);
}

// Whoever is first fixes the length of a new model, and the other is refused; which is which is
// told to each, and neither is left without an answer.
TEST_P(Writers, OfTwoLengthsOfANewModelOneIsRefused) {
  for (int round = 0; round < kTurns; ++round) {
    std::atomic<int> short_ones = 0;
    std::atomic<int> long_ones = 0;
    RunAll([&](int writer) {
      Record record = RecordOf("p", writer, 1);
      record.embedding.resize(writer % 2 == 0 ? 3 : 4, 1);
      const Status status = db_->Add(record).status();
      if (status.ok()) {
        ++(writer % 2 == 0 ? short_ones : long_ones);
      } else {
        EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status;
      }
    });
    EXPECT_EQ(short_ones * long_ones, 0);
    EXPECT_EQ(short_ones + long_ones, kWriters / 2);
    EXPECT_EQ(*db_->Count({}), kWriters / 2);
    for (int writer = 0; writer < kWriters; ++writer) {
      ASSERT_OK(db_->Remove(RecordOf("p", writer, 1).key));
    }
  }
}

TEST_P(Writers, BatchesStayWholeAndEachIsToldItsOwn) {
  constexpr int kSize = 7;
  RunAll([&](int writer) {
    for (int turn = 0; turn < kTurns; ++turn) {
      std::vector<Record> batch;
      for (int i = 0; i < kSize; ++i) {
        batch.push_back(RecordOf("writer" + std::to_string(writer % 2), i, 1 + writer + turn * 8));
      }
      EXPECT_OK(db_->AddBatch(batch));
      const auto page = db_->List(
          {.page = 1, .per_page = 10, .filters = {{Column::kProvider, batch[0].key.provider}}});
      ASSERT_OK(page);
      ASSERT_EQ(page->total, kSize);
      for (const Record& record : page->records) {
        EXPECT_EQ(record.created, page->records[0].created) << "two batches at once";
      }
    }
  });
}

}  // namespace
}  // namespace embeddingsdb
