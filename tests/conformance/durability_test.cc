// SPDX-License-Identifier: BSD-3-Clause
//
// What outlives the process, who may have the files open, and what concurrent callers see.
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

class Durability : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (!db_->capabilities().persistent) {
      GTEST_SKIP() << "docs/engines.md: not persistent";
    }
  }
};
EDB_FOR_ALL_STORES(Durability);

TEST_P(Durability, RecordsOutliveTheHandle) {
  std::mt19937_64 random(TestSeed());
  std::vector<Record> batch;
  for (int i = 0; i < 300; ++i) {
    batch.push_back(MakeRecord("p" + std::to_string(i % 7), "d" + std::to_string(i),
                               i % 3 == 0 ? "m" : "n", RandomVector(random, i % 3 == 0 ? 8 : 33)));
  }
  ASSERT_OK(db_->AddBatch(batch));
  ASSERT_OK(db_->Remove(batch[5].key));
  const Result<std::vector<Record>> before = ScanAll(*db_);
  const std::int64_t updated = *db_->LastUpdate();
  OpenWith("");
  EXPECT_EQ(*ScanAll(*db_), *before);
  EXPECT_EQ(*db_->LastUpdate(), updated);
  EXPECT_EQ(*db_->Models({}), (std::vector<std::string>{"m", "n"}));
  EXPECT_EQ(*db_->Dimensions(), (std::vector<int>{8, 33}));
  EXPECT_TRUE(db_->Verify()->problems.empty());
  EXPECT_FAILS(db_->Add(MakeRecord("p", "x", "m", {1})), kInvalidArgument, "have 8");
}

TEST_P(Durability, RecordsOutliveAHandleThatWasNeverClosed) {
  Add(MakeRecord("p", "d", "m", {1, 2}));
  db_.reset();
  OpenWith("");
  EXPECT_EQ(*db_->Count({}), 1);
}

TEST_P(Durability, ASecondWriterIsRefused) {
  if (GetParam().on_a_server) {
    GTEST_SKIP() << "a server takes many: SeveralWritersShareAServer";
  }
  const auto second = test_.Open(GetParam().uri(folder_.path()));
  EXPECT_FAILS(second, kFailedPrecondition, "");
  Add(MakeRecord("p", "d", "m", {1, 2}));
}

TEST_P(Durability, SeveralWritersShareAServer) {
  if (!GetParam().on_a_server) {
    GTEST_SKIP() << "files have one writer: ASecondWriterIsRefused";
  }
  const auto second = test_.Open(GetParam().uri(folder_.path()));
  ASSERT_OK(second);
  Add(MakeRecord("p", "d", "m", {1, 2}));
  EXPECT_EQ((*second)->Add(MakeRecord("p", "d", "m", {3, 4}))->replaced, 1);
  EXPECT_EQ(db_->Get({"p", "d", "m"})->embedding, (std::vector<float>{3, 4}));
  EXPECT_FAILS((*second)->Add(MakeRecord("p", "e", "m", {1, 2, 3})), kInvalidArgument, "have 2");
  EXPECT_TRUE(*(*second)->Remove({"p", "d", "m"}));
  EXPECT_OK((*second)->Add(MakeRecord("p", "e", "m", {1, 2, 3})));
  EXPECT_EQ(*db_->Dimensions(), std::vector<int>{3});
}

TEST_P(Durability, ACursorOutlivesCloseAndLetsGoWhenItIsDestroyed) {
  Add(MakeRecord("p", "a", "m", {1, 2}));
  Add(MakeRecord("p", "b", "m", {3, 4}));
  auto cursor = db_->Scan({});
  ASSERT_OK(cursor);
  Record record;
  ASSERT_TRUE(*(*cursor)->Next(record));
  EXPECT_OK(db_->Close());
  const auto more = (*cursor)->Next(record);
  ASSERT_OK(more);
  EXPECT_TRUE(*more);
  const Status second = test_.Open(GetParam().uri(folder_.path())).status();
  EXPECT_EQ(second.ok(), GetParam().name != "duckdb") << second;  // which lets nobody in beside it
  cursor->reset();
  db_.reset();
  OpenWith("");
  EXPECT_EQ(*db_->Count({}), 2);
}

TEST_P(Durability, ReadOnlyReadsAndRefusesWritesByName) {
  Add(MakeRecord("p", "d", "m", {1, 2}));
  OpenWith("&read-only=true");
  EXPECT_EQ(*db_->Count({}), 1);
  EXPECT_EQ(db_->Similar({.model = "m", .embedding = {1, 2}})->size(), 1U);
  EXPECT_FAILS(db_->Add(MakeRecord("p", "e", "m", {1, 2})), kFailedPrecondition, "read-only");
  EXPECT_FAILS(db_->Remove({"p", "d", "m"}), kFailedPrecondition, "read-only");
}

TEST_P(Durability, ReadersFollowAWriterWhereTheEngineShares) {
  if (!db_->capabilities().shared_read) {
    GTEST_SKIP() << "docs/engines.md: no shared reading";
  }
  Add(MakeRecord("p", "d", "m", {1, 2}));
  Result<std::unique_ptr<Database>> reader =
      test_.Open(GetParam().uri(folder_.path()) + "&read-only=true");
  ASSERT_OK(reader);
  const SimilarQuery query = {.model = "m", .embedding = {1, 2}};
  EXPECT_EQ((*reader)->Similar(query)->size(), 1U);
  Add(MakeRecord("p", "e", "m", {1, 2}));
  EXPECT_EQ((*reader)->Similar(query)->size(), 2U);
  EXPECT_EQ(*(*reader)->Count({}), 2);
}

TEST_P(Durability, OpeningReadOnlyWhatDoesNotExistIsNotFound) {
  ASSERT_OK(db_->Close());
  db_.reset();
  const std::string empty = folder_.File("empty");
  ASSERT_OK(test_.env->MakeDirectories(empty));
  EXPECT_FAILS(test_.Open(GetParam().uri(empty) + "&read-only=true"), kNotFound, "");
}

class Concurrency : public EngineTest {};
EDB_FOR_ALL_STORES(Concurrency);

// Writers own disjoint keys and only ever move one between two known vectors, so a reader can tell
// a mixture of old and new from either.
TEST_P(Concurrency, ReadersSeeWholeRecordsWhileWritersReplaceThem) {
  constexpr int kKeys = 20;
  constexpr int kRounds = 15;
  const auto version = [](int key, int round) {
    const auto value = static_cast<float>(round);
    Record record = MakeRecord("p", "d" + std::to_string(key), "m", {value, value});
    record.attributes = {{"round", std::to_string(round)}};
    return record;
  };
  for (int key = 0; key < kKeys; ++key) {
    Add(version(key, 1));
  }

  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  const bool exact = db_->capabilities().exact;  // else distances do not tell rounds apart
  const auto check = [&](const std::vector<SimilarRecord>& found) {
    for (const SimilarRecord& record : found) {
      const float round = std::stof(record.attributes.at("round"));
      if (exact) {
        EXPECT_NEAR(record.distance, round * std::sqrt(2.0F), 1e-4F * round);
      }
    }
  };
  const auto write = [&](int writer) {
    for (int round = 2; round < 2 + kRounds; ++round) {
      for (int key = writer; key < kKeys; key += 2) {
        EXPECT_OK(db_->Add(version(key, round)));
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&] {
      // At least once, even if the writers are through before this thread starts.
      do {
        const auto found =
            db_->Similar({.model = "m", .embedding = {0, 0}, .k = kKeys * 2, .max_distance = 0.0F});
        EXPECT_OK(found);
        if (!found.ok()) {
          return;
        }
        EXPECT_EQ(found->size(), static_cast<std::size_t>(kKeys));
        check(*found);
        EXPECT_OK(db_->List({.page = 1, .per_page = 50, .filters = {}}));
        EXPECT_EQ(ScanAll(*db_)->size(), static_cast<std::size_t>(kKeys));
        EXPECT_EQ(*db_->Models({}), std::vector<std::string>{"m"});
        ++reads;
      } while (!done);
    });
  }
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 2; ++writer) {
      writers.emplace_back(write, writer);
    }
  }
  done = true;
  threads.clear();
  EXPECT_GE(reads, 3);
  EXPECT_EQ(*db_->Count({}), kKeys);
  EXPECT_TRUE(db_->Verify()->problems.empty());
}

TEST_P(Concurrency, CloseWaitsForCallsInFlightAndLaterOnesFailByName) {
  for (int i = 0; i < 50; ++i) {
    Add(MakeRecord("p", "d" + std::to_string(i), "m", {1, 2}));
  }
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const auto found = db_->Similar({.model = "m", .embedding = {1, 2}});
        if (found.ok()) {
          EXPECT_EQ(found->size(), 10U);
          continue;
        }
        EXPECT_EQ(found.status().code(), StatusCode::kFailedPrecondition) << found.status();
        return;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_OK(db_->Close());
  threads.clear();
  db_.reset();
}

}  // namespace
}  // namespace embeddingsdb
