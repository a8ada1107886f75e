// SPDX-License-Identifier: BSD-3-Clause
#include "engines/write_queue.h"

#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "embeddingsdb/limits.h"

#include "support/records.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// A queue that stores nothing but knows who was committed together, by depiction id. Attributes of
/// a record say what is to become of it: "refuse", "fail" (its commit), "lost" (what it is stored
/// in) or "throw".
class WriteQueueTest : public ::testing::Test {
 protected:
  using Commits = std::vector<std::vector<std::string>>;

  Result<std::vector<PutResult>> Commit(std::span<const Record* const> records) {
    std::vector<std::string> ids;
    std::vector<PutResult> results;
    Status failure;
    for (const Record* record : records) {
      ids.push_back(record->key.depiction_id);
      if (record->attributes.contains("throw")) {
        throw std::runtime_error("out of paper");
      }
      if (record->attributes.contains("fail")) {
        failure = ResourceExhaustedError("the disk is full for " + ids.back());
      }
      if (record->attributes.contains("lost")) {
        failure = UnavailableError("no connection for a, b and c");
      }
      const RowId row = ++last_row_;
      const bool known = rows_.contains(record->key);
      results.push_back({row, known ? std::optional(rows_[record->key]) : std::nullopt});
    }
    commits_.push_back(ids);
    EDB_TRY(failure);
    for (std::size_t i = 0; i < records.size(); ++i) {
      rows_[records[i]->key] = results[i].row;
    }
    return results;
  }

  Result<AddReport> AddAll(const std::vector<Record>& records) {
    std::vector<const Record*> pointers;
    for (const Record& record : records) {
      pointers.push_back(&record);
    }
    return queue_.Add(pointers);
  }
  Result<AddReport> AddOne(const std::string& id, const std::string& fate = "stored",
                           std::size_t length = 2) {
    Record record = MakeRecord("p", id, "m", std::vector<float>(length, 1));
    record.attributes = {{fate, ""}};
    return AddAll({record});
  }
  /// Has `call` wait in the queue; the test has the turn.
  template <typename Call>
  void Enqueue(Call call) {
    const std::size_t before = queue_.waiting();
    threads_.emplace_back(std::move(call));
    while (queue_.waiting() == before) {
      std::this_thread::yield();
    }
  }
  void EnqueueOne(const std::string& id, StatusCode expected = StatusCode::kOk,
                  const std::string& fate = "stored", std::size_t length = 2) {
    Enqueue([=, this] {
      const auto report = AddOne(id, fate, length);
      EXPECT_EQ(report.status().code(), expected) << id << ": " << report.status();
      if (report.ok()) {
        EXPECT_EQ(report->added + report->replaced, 1) << id;
      } else if (expected != StatusCode::kInternal) {
        EXPECT_THAT(report.status().message(), ::testing::HasSubstr(id));
      }
    });
  }
  /// Ends the test's turn and waits for all who were enqueued.
  Commits Finish() {
    queue_.unlock();
    threads_.clear();
    return commits_;
  }

  // What a turn protects, so that the thread sanitizer sees two at a time.
  Commits commits_;
  std::map<Key, RowId> rows_;
  RowId last_row_ = 0;

  WriteQueue queue_{{.check = [](std::span<const Record* const> records) -> Status {
                       for (const Record* record : records) {
                         if (record->attributes.contains("refuse")) {
                           return InvalidArgumentError("refused: " + record->key.depiction_id);
                         }
                       }
                       return {};
                     },
                     .commit = [this](auto records) { return Commit(records); }}};
  std::vector<std::jthread> threads_;
};

TEST_F(WriteQueueTest, OneAloneIsServedAtOnce) {
  EXPECT_EQ(AddOne("a")->added, 1);
  EXPECT_EQ(AddOne("a")->replaced, 1);
  EXPECT_FAILS(AddOne("b", "refuse"), kInvalidArgument, "refused: b");
  EXPECT_FAILS(AddOne("c", "fail"), kResourceExhausted, "full for c");
  EXPECT_THROW(EXPECT_OK(AddOne("d", "throw")), std::runtime_error);
  EXPECT_EQ(AddOne("e")->added, 1);
  EXPECT_THAT(commits_,
              ElementsAre(ElementsAre("a"), ElementsAre("a"), ElementsAre("c"), ElementsAre("e")));
}

TEST_F(WriteQueueTest, ThoseWhoWaitShareACommitInTheOrderOfAsking) {
  queue_.lock();
  for (const char* id : {"a", "b", "c", "d"}) {
    EnqueueOne(id);
  }
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("a", "b", "c", "d")));
}

TEST_F(WriteQueueTest, EachIsToldWhatBecameOfItsOwn) {
  ASSERT_OK(AddOne("a"));
  queue_.lock();
  Enqueue([&] {
    const auto report =
        AddAll({MakeRecord("p", "a", "m", {1, 1}), MakeRecord("p", "b", "m", {1, 1}),
                MakeRecord("p", "c", "m", {1, 1})});
    EXPECT_EQ(report->added, 2);
    EXPECT_EQ(report->replaced, 1);
  });
  Enqueue([&] { EXPECT_EQ(AddOne("d")->added, 1); });
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("a"), ElementsAre("a", "b", "c", "d")));
}

TEST_F(WriteQueueTest, WhoIsRefusedIsRefusedAlone) {
  queue_.lock();
  EnqueueOne("a");
  EnqueueOne("b", StatusCode::kInvalidArgument, "refuse");
  EnqueueOne("c");
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("a", "c")));
}

TEST_F(WriteQueueTest, WhenTheCommonCommitFailsEachIsTriedAlone) {
  queue_.lock();
  EnqueueOne("a");
  EnqueueOne("b", StatusCode::kResourceExhausted, "fail");
  EnqueueOne("c");
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("a", "b", "c"), ElementsAre("a"), ElementsAre("b"),
                                    ElementsAre("c")));
  EXPECT_EQ(rows_.size(), 2U);
}

TEST_F(WriteQueueTest, WhatConcernsAllIsNotTriedForEach) {
  queue_.lock();
  EnqueueOne("a", StatusCode::kUnavailable);
  EnqueueOne("b", StatusCode::kUnavailable, "lost");
  EnqueueOne("c", StatusCode::kUnavailable);
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("a", "b", "c")));
}

TEST_F(WriteQueueTest, NobodyIsLeftWaitingWhenTheCommitThrows) {
  queue_.lock();
  Enqueue([&] { EXPECT_THROW(EXPECT_OK(AddOne("a", "throw")), std::runtime_error); });
  EnqueueOne("b", StatusCode::kInternal);
  EXPECT_THAT(Finish(), IsEmpty());
  EXPECT_OK(AddOne("c"));
}

TEST_F(WriteQueueTest, ACommitEndsWhereAKeyRepeats) {
  queue_.lock();
  for (const char* id : {"a", "b", "a", "c", "c"}) {
    EnqueueOne(id);
  }
  EXPECT_THAT(Finish(),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("a", "c"), ElementsAre("c")));
}

// The first may be refused, or not be stored; then the second is right.
TEST_F(WriteQueueTest, ACommitEndsWhereAModelHasAnotherLength) {
  queue_.lock();
  EnqueueOne("a", StatusCode::kInvalidArgument, "refuse", 2);
  EnqueueOne("b", StatusCode::kOk, "stored", 3);
  EnqueueOne("c", StatusCode::kOk, "stored", 3);
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("b", "c")));
}

TEST_F(WriteQueueTest, ACommitEndsAtTheLimitOfRecords) {
  std::vector<Record> many;
  for (std::size_t i = 0; i + 1 < kMaxBatchRecords; ++i) {
    many.push_back(MakeRecord("p", "many" + std::to_string(i), "m", {1, 1}));
  }
  queue_.lock();
  Enqueue([&] { EXPECT_EQ(AddAll(many)->added, std::ssize(many)); });
  EnqueueOne("a");
  EnqueueOne("b");
  const Commits commits = Finish();
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_EQ(commits[0].size(), kMaxBatchRecords);
  EXPECT_THAT(commits[1], ElementsAre("b"));
}

TEST_F(WriteQueueTest, ACommitEndsAtTheLimitOfBytes) {
  const auto records = [](const std::string& id, std::size_t floats) {
    return std::vector<Record>{MakeRecord("p", id, id, std::vector<float>(floats, 1))};
  };
  const auto large = records("large", kMaxBatchBytes / sizeof(float) - 1'000);
  const auto small = records("small", 900);
  const auto too_much = records("too much", 100);
  queue_.lock();
  for (const auto* one : {&large, &small, &too_much}) {
    Enqueue([=, this] { EXPECT_OK(AddAll(*one)); });
  }
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("large", "small"), ElementsAre("too much")));
}

TEST_F(WriteQueueTest, NobodyIsOvertaken) {
  queue_.lock();
  EnqueueOne("a");
  Enqueue([&] {
    const std::lock_guard turn(queue_);
    commits_.push_back({"a turn of its own"});
  });
  EnqueueOne("b");
  EnqueueOne("c");
  EXPECT_THAT(Finish(), ElementsAre(ElementsAre("a"), ElementsAre("a turn of its own"),
                                    ElementsAre("b", "c")));
}

TEST_F(WriteQueueTest, ManyAtOnce) {
  constexpr int kThreads = 16;
  constexpr int kTurns = 300;
  for (int t = 0; t < kThreads; ++t) {
    threads_.emplace_back([&, t] {
      for (int i = 0; i < kTurns; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        if (i % 50 == 49) {
          const std::lock_guard turn(queue_);
          ++last_row_;
        } else if (i % 10 == 9) {
          EXPECT_FAILS(AddOne(id, "refuse"), kInvalidArgument, id);
        } else if (i % 10 == 8) {
          EXPECT_FAILS(AddOne(id, "fail"), kResourceExhausted, id);
        } else if (i % 10 == 7) {
          EXPECT_OK(AddOne("everybody's"));
        } else {
          EXPECT_EQ(AddOne(id)->added, 1);
        }
      }
    });
  }
  threads_.clear();
  EXPECT_EQ(rows_.size(), std::size_t{kThreads * kTurns / 10 * 7 + 1});
  EXPECT_EQ(queue_.waiting(), 0U);
}

// Commits of "a" and "b" last until they are let go.
TEST(WriteQueueTurns, AsManyCommitAtATimeAsThereAreTurnsAndTheOthersTogether) {
  std::promise<void> a_may_end;
  std::promise<void> b_may_end;
  std::mutex mutex;
  std::vector<std::vector<std::string>> commits;
  std::atomic<int> begun = 0;
  const auto commit = [&](std::span<const Record* const> records) {
    std::vector<std::string> ids;
    for (const Record* record : records) {
      ids.push_back(record->key.depiction_id);
    }
    ++begun;
    if (ids.front() == "a" || ids.front() == "b") {
      (ids.front() == "a" ? a_may_end : b_may_end).get_future().wait();
    }
    const std::lock_guard lock(mutex);
    commits.push_back(ids);
    return Result(std::vector<PutResult>(records.size()));
  };
  WriteQueue queue({.check = [](auto) { return Status(); }, .commit = commit, .turns = 2});
  std::vector<std::jthread> threads;
  const auto add = [&](const std::string& id) {
    threads.emplace_back([&, id] {
      const Record record = MakeRecord("p", id, "m", {1, 1});
      const Record* const pointer = &record;
      EXPECT_EQ(queue.Add({&pointer, 1})->added, 1);
    });
  };
  const auto wait_until = [](const auto& what) {
    while (!what()) {
      std::this_thread::yield();
    }
  };
  add("a");
  add("b");
  wait_until([&] { return begun == 2; });
  add("c");
  wait_until([&] { return queue.waiting() == 1; });
  add("d");
  wait_until([&] { return queue.waiting() == 2; });
  a_may_end.set_value();
  wait_until([&] { return begun == 3; });
  b_may_end.set_value();
  threads.clear();
  EXPECT_THAT(commits,
              UnorderedElementsAre(ElementsAre("a"), ElementsAre("b"), ElementsAre("c", "d")));
  EXPECT_EQ(queue.waiting(), 0U);
}

}  // namespace
}  // namespace embeddingsdb
