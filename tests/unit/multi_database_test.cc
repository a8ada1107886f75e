// SPDX-License-Identifier: BSD-3-Clause
//
// multi://: what the conformance suite, which runs on it too, cannot know: opening, where records
// go, models in two members, members that fail.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <fstream>
#include <thread>

#include "support/temp_dir.h"
#include "unit/multi_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Counted = std::vector<std::int64_t>;

class MultiOpen : public MultiTest {};

TEST_F(MultiOpen, NeedsOneToThirtyTwoDatabases) {
  EXPECT_FAILS(test_.Open("multi://"), kInvalidArgument, "names no database");
  EXPECT_FAILS(test_.Open("multi://?metric=l2"), kInvalidArgument, "names no database");
  const std::vector<std::string> most(kMaxDatabases, "memory://");
  EXPECT_OK(TryOpen(most));
  const std::vector<std::string> many(kMaxDatabases + 1, "memory://");
  EXPECT_FAILS(TryOpen(many), kInvalidArgument, "names 33 databases, the limit is 32");
}

TEST_F(MultiOpen, TakesTheOldNameOfTheOptionToo) {
  const auto db = test_.Open("multi://?database-uri=memory%3A%2F%2F%3Fdimensions%3D2&database=" +
                             PercentEncode("memory://?dimensions=3"));
  ASSERT_OK(db);
  EXPECT_OK((*db)->Add(MakeRecord("p", "d", "m", {1, 2})));
  EXPECT_OK((*db)->Add(MakeRecord("p", "d", "n", {1, 2, 3})));
}

TEST_F(MultiOpen, RefusesTwoDatabasesForOneLength) {
  EXPECT_FAILS(
      TryOpen({"memory://?dimensions=4", "memory://", "null://?dimensions=4"}), kInvalidArgument,
      "database 1 (memory://?dimensions=4) and database 3 (null://?dimensions=4) both have "
      "dimensions=4");
}

TEST_F(MultiOpen, RefusesTheSameDatabaseTwice) {
  const TempDir folder;
  const std::string sqlite = "sqlite://?dsn=" + folder.File("a.db");
  EXPECT_FAILS(TryOpen({sqlite, sqlite}), kInvalidArgument, "are the same database");
  EXPECT_FAILS(TryOpen({"memory://", sqlite + "&dimensions=3", sqlite + "&dimensions=4"}),
               kInvalidArgument, "database 2 (");
  const std::string lmdb = folder.File("b");
  EXPECT_FAILS(TryOpen({"lmdb://" + lmdb, "bleve://" + folder.path() + "/./b/"}), kInvalidArgument,
               "are the same database");
  // Spelt in a way that only the engine understands: its lock refuses the second.
  EXPECT_FAILS(TryOpen({sqlite, "sqlite://" + folder.File("a.db")}), kFailedPrecondition,
               "database 2 (sqlite:///");
  EXPECT_OK(TryOpen({"memory://", "memory://"}));  // these are two
}

TEST_F(MultiOpen, RefusesItselfAPathAndAnEmptyUri) {
  EXPECT_FAILS(TryOpen({"memory://", MultiUri({"memory://"})}), kInvalidArgument,
               "database 2: multi://?database=memory:// holds databases itself");
  EXPECT_FAILS(test_.Open("multi:///srv?database=memory%3A%2F%2F"), kInvalidArgument, "path");
  EXPECT_FAILS(TryOpen({"memory://", ""}), kInvalidArgument, "database 2: the URI is empty");
}

TEST_F(MultiOpen, ErrorsNameTheMemberAndNoSecret) {
  EXPECT_FAILS(TryOpen({"memory://", "sqlite:///nowhere/at/all.db?read-only=true"}), kNotFound,
               "database 2 (sqlite:///nowhere/at/all.db?read-only=true): ");
  const auto opened = TryOpen({"memory://", "sqlite:///nowhere.db?password=s3cret"});
  EXPECT_FAILS(opened, kInvalidArgument, "database 2 (sqlite:///nowhere.db?password=***)");
  EXPECT_THAT(opened.status().message(), Not(HasSubstr("s3cret")));
  EXPECT_FAILS(TryOpen({"memory://", "memory://?max-result=3"}), kInvalidArgument,
               "database 2 (memory://?max-result=3)");
  EXPECT_FAILS(TryOpen({"memory://?dimensions=0"}), kInvalidArgument, "database 1: ");
  EXPECT_FAILS(TryOpen({"nothing"}), kInvalidArgument, "database 1: ");
}

TEST_F(MultiOpen, CommonOptionsHoldForMembersThatDoNotSayOtherwise) {
  Open({"memory://?dimensions=1&max-results=2", "memory://?dimensions=2"},
       "max-results=3&max-distance=100");
  for (int i = 0; i < 9; ++i) {
    const auto x = static_cast<float>(i);
    ASSERT_OK(db_->Add(MakeRecord("p", "d" + std::to_string(i), "one", {x})));
    ASSERT_OK(db_->Add(MakeRecord("p", "d" + std::to_string(i), "two", {x, x})));
  }
  EXPECT_EQ(db_->Similar({.model = "one", .embedding = {8}})->size(), 2U);
  EXPECT_EQ(db_->Similar({.model = "two", .embedding = {8, 8}})->size(), 3U);
}

class MultiRouting : public MultiTest {};

TEST_F(MultiRouting, NewModelsGoWhereTheirLengthBelongs) {
  Open({"test://0?dimensions=2", "test://1", "test://2?dimensions=3", "test://3"});
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "two", {1, 2})));
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "three", {1, 2, 3})));
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "four", {1, 2, 3, 4})));
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "five", {1, 2, 3, 4, 5})));
  EXPECT_EQ(Counts(4), (Counted{1, 2, 1, 0}));
}

TEST_F(MultiRouting, AModelStaysWhereItIs) {
  Open({"test://0?dimensions=2", "test://1"});
  ASSERT_OK(states_[1].database->Add(MakeRecord("p", "old", "m", {1, 2})));
  ASSERT_OK(db_->Add(MakeRecord("p", "new", "m", {3, 4})));
  EXPECT_EQ(Counts(2), (Counted{0, 2}));
  // Once it has no records it is a new model.
  ASSERT_OK(db_->Remove({"p", "old", "m"}));
  ASSERT_OK(db_->Remove({"p", "new", "m"}));
  ASSERT_OK(db_->Add(MakeRecord("p", "new", "m", {3, 4})));
  EXPECT_EQ(Counts(2), (Counted{1, 0}));
}

TEST_F(MultiRouting, ALengthThatNobodyTakesIsNamedWithWhatTheyTake) {
  Open({"test://0?dimensions=2", "test://1?dimensions=3"});
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "m", {1, 2, 3, 4})), kInvalidArgument,
               "no database takes the 4 elements of p-d-m: test://0?dimensions=2 takes 2, "
               "test://1?dimensions=3 takes 3");
  EXPECT_EQ(*db_->Count({}), 0);
}

TEST_F(MultiRouting, ReadOnlyMembersGetNoNewModels) {
  const TempDir folder;
  const std::string archive = "sqlite://?dsn=" + folder.File("a.db");
  {
    const auto writer = test_.Open(archive);
    ASSERT_OK((*writer)->Add(MakeRecord("p", "d", "old", {1, 2})));
  }
  Open({archive + "&read-only=true", "test://0"});
  EXPECT_OK(db_->Add(MakeRecord("p", "d", "new", {1, 2})));
  EXPECT_EQ(Counts(1), Counted{1});
  EXPECT_EQ(*db_->Models({}), (std::vector<std::string>{"new", "old"}));
  EXPECT_FAILS(db_->Add(MakeRecord("p", "e", "old", {1, 2})), kFailedPrecondition, "read-only");
  EXPECT_FAILS(db_->Remove({"p", "d", "old"}), kFailedPrecondition, folder.File("a.db"));
  Open({archive + "&read-only=true"});
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "new", {1, 2})), kInvalidArgument,
               "takes any but is read-only");
}

TEST_F(MultiRouting, ABatchIsSplitAndItsReportsAddUp) {
  Open({"test://0?dimensions=1", "test://1?dimensions=2", "test://2"});
  ASSERT_OK(db_->Add(MakeRecord("p", "a", "one", {1})));
  const std::vector<Record> batch = {
      MakeRecord("p", "a", "one", {2}),        MakeRecord("p", "a", "two", {1, 2}),
      MakeRecord("p", "b", "one", {3}),        MakeRecord("p", "a", "many", {1, 2, 3}),
      MakeRecord("p", "b", "many", {1, 2, 3}), MakeRecord("p", "b", "one", {4})};
  const auto report = db_->AddBatch(batch);
  ASSERT_OK(report);
  EXPECT_EQ(*report, (AddReport{.added = 4, .replaced = 2}));
  EXPECT_EQ(Counts(3), (Counted{2, 1, 2}));
  EXPECT_EQ(db_->Get({"p", "b", "one"})->embedding, std::vector<float>{4});
}

TEST_F(MultiRouting, ANewModelIsRoutedOncePerBatchByItsFirstRecord) {
  Open({"test://0?dimensions=1", "test://1?dimensions=2"});
  const std::vector<Record> mixed = {MakeRecord("p", "a", "m", {1, 2}),
                                     MakeRecord("p", "b", "m", {1})};
  EXPECT_FAILS(db_->AddBatch(mixed), kInvalidArgument, "p-b-m have 1 elements, but those of model");
  EXPECT_EQ(Counts(2), (Counted{0, 0}));
}

TEST_F(MultiRouting, ABatchThatIsRefusedForWhatIsInItStoresNothingAnywhere) {
  Open({"test://0?dimensions=1", "test://1"});
  ASSERT_OK(db_->Add(MakeRecord("p", "a", "held", {1, 2, 3})));
  // Without a look the first part would be stored before the second is refused.
  const std::vector<Record> batch = {MakeRecord("p", "a", "one", {1}),
                                     MakeRecord("p", "b", "held", {1, 2})};
  EXPECT_FAILS(db_->AddBatch(batch), kInvalidArgument, "p-b-held have 2 elements");
  EXPECT_EQ(Counts(2), (Counted{0, 1}));
}

TEST_F(MultiRouting, AMemberThatFailsLaterInABatchSaysWhatIsStored) {
  Open({"test://0?dimensions=1", "test://1?dimensions=2"});
  states_[1].refuses_adds = true;
  const std::vector<Record> batch = {MakeRecord("p", "a", "one", {1}),
                                     MakeRecord("p", "b", "one", {1}),
                                     MakeRecord("p", "a", "two", {1, 2})};
  EXPECT_FAILS(db_->AddBatch(batch), kResourceExhausted,
               "2 of the batch's 3 records are stored, in other databases: test://1?dimensions=2: "
               "the disk is full");
  EXPECT_EQ(Counts(2), (Counted{2, 0}));
  states_[1].refuses_adds = false;
  EXPECT_EQ(*db_->AddBatch(batch), (AddReport{.added = 1, .replaced = 2}));
}

TEST_F(MultiRouting, WritersAtOnceTakeANewModelToOneMember) {
  for (MemberState& state : states_) {
    state.slow = true;
  }
  for (int round = 0; round < 10; ++round) {
    Open({"test://0?dimensions=1", "test://1?dimensions=2", "test://2"});
    std::barrier start(6);
    std::atomic<int> stored = 0;
    {
      std::vector<std::jthread> writers;
      for (int writer = 0; writer < 6; ++writer) {
        writers.emplace_back([&, writer] {
          const std::vector<float> vector(static_cast<std::size_t>(writer % 3 + 1), 1.0F);
          start.arrive_and_wait();
          const auto added = db_->Add(MakeRecord("p", std::to_string(writer), "m", vector));
          stored += added.ok() ? 1 : 0;
          EXPECT_TRUE(added.ok() || added.status().code() == StatusCode::kInvalidArgument);
        });
      }
    }
    const Counted counts = Counts(3);
    EXPECT_EQ(std::count(counts.begin(), counts.end(), 0), 2) << testing::PrintToString(counts);
    EXPECT_EQ(stored, 2);
    db_.reset();
  }
}

TEST_F(MultiRouting, AScanSeesOneMomentOfAllMembers) {
  Open({"test://0?dimensions=1", "test://1?dimensions=2"});
  states_[1].slow = true;
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; i < 2'000 && !done; ++i) {
      const std::string id = std::to_string(i);
      EXPECT_OK(db_->AddBatch(std::vector<Record>{MakeRecord("p", id, "one", {1}),
                                                  MakeRecord("p", id, "two", {1, 2})}));
    }
  });
  for (int round = 0; round < 50; ++round) {
    const auto seen = ScanAll(*db_);
    ASSERT_OK(seen);
    const auto ones = std::ranges::count(*seen, "one", [](const Record& r) { return r.key.model; });
    EXPECT_EQ(2 * ones, std::ssize(*seen));
  }
  done = true;
}

/// "shared" is in both members, as only writes past multi:// can bring about.
class MultiShared : public MultiTest {
 protected:
  void Open(const std::string& first = "", const std::string& second = "") {
    MultiTest::Open({"test://0?" + first, "test://1?" + second});
    for (int i = 0; i < 20; ++i) {
      const auto x = static_cast<float>(i) / 8;
      Plant(i % 2, MakeRecord("p", "d" + std::to_string(i), "shared", {x, 0}));
    }
  }
  void Plant(int member, const Record& record) {
    ASSERT_OK(states_.at(static_cast<std::size_t>(member)).database->Add(record));
  }
  std::vector<std::string> Nearest(const SimilarQuery& query) {
    const auto found = db_->Similar(query);
    EXPECT_OK(found);
    std::vector<std::string> ids;
    for (const SimilarRecord& record : *found) {
      ids.push_back(record.key.depiction_id);
    }
    return ids;
  }
};

TEST_F(MultiShared, SearchesMergeByDistanceThenKey) {
  Open();
  Plant(0, MakeRecord("z", "tie", "shared", {0, 0}));
  Plant(1, MakeRecord("a", "tie", "shared", {0, 0}));
  SimilarQuery query = {.model = "shared", .embedding = {0, 0}, .k = 5};
  const auto found = db_->Similar(query);
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 5U);
  EXPECT_EQ((*found)[0].key.provider, "a");
  EXPECT_EQ((*found)[1].key.provider, "p");
  EXPECT_EQ((*found)[2].key.provider, "z");
  EXPECT_EQ((*found)[3].key.depiction_id, "d1");
  EXPECT_EQ((*found)[4].key.depiction_id, "d2");
  query.max_distance = 0.25F;
  EXPECT_EQ(Nearest(query), (std::vector<std::string>{"tie", "d0", "tie", "d1", "d2"}));
  query.exclude = {"tie"};
  EXPECT_EQ(Nearest(query), (std::vector<std::string>{"d0", "d1", "d2"}));
  EXPECT_EQ(db_->SimilarById({.key = {"p", "d0", "shared"}, .k = 3})->size(), 3U);
}

TEST_F(MultiShared, TheLargestDefaultOfTheMembersCountsAndEachHasItsDistance) {
  Open("max-results=2&max-distance=100", "max-results=4&max-distance=0.4");
  EXPECT_EQ(Nearest({.model = "shared", .embedding = {0, 0}}),
            (std::vector<std::string>{"d0", "d1", "d2", "d3"}));
  EXPECT_EQ(Nearest({.model = "shared", .embedding = {0, 0}, .k = 6}),
            (std::vector<std::string>{"d0", "d1", "d2", "d3", "d4", "d6"}));
}

TEST_F(MultiShared, MembersAreSearchedAtTheSameTime) {
  Open();
  std::barrier both(2);
  for (MemberState& state : states_) {
    state.before_search = [&] { both.arrive_and_wait(); };
  }
  // One after the other they would wait for ever, and the test's time limit end it.
  EXPECT_EQ(db_->Similar({.model = "shared", .embedding = {0, 0}})->size(), 9U);
}

TEST_F(MultiShared, OnlyMembersWithTheModelAreSearched) {
  Open();
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "alone", {1, 2})));
  ASSERT_OK(db_->Similar({.model = "alone", .embedding = {1, 2}}));
  EXPECT_EQ(states_[0].searches, 1);
  EXPECT_EQ(states_[1].searches, 0);
}

TEST_F(MultiShared, DistancesOfTwoMetricsAreNotMerged) {
  Open("metric=cosine");
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "alone", {1, 2})));
  EXPECT_FAILS(db_->Similar({.model = "shared", .embedding = {0, 0}}), kFailedPrecondition,
               "is in test://0?metric=cosine with metric=cosine and in test://1 with metric=l2");
  EXPECT_OK(db_->Similar({.model = "alone", .embedding = {1, 2}}));
}

TEST_F(MultiShared, RecordsAreReadReplacedAndRemovedWhereverTheyAre) {
  Open();
  EXPECT_EQ(*db_->Count({{Column::kModel, "shared"}}), 20);
  EXPECT_EQ(db_->Get({"p", "d3", "shared"})->embedding, (std::vector<float>{0.375F, 0}));
  const Record again = MakeRecord("p", "d3", "shared", {9, 9});
  EXPECT_EQ(*db_->Add(again), (AddReport{.added = 0, .replaced = 1}));
  EXPECT_EQ(states_[1].database->Get(again.key)->embedding, again.embedding);
  EXPECT_EQ(Counts(2), (Counted{10, 10}));
  EXPECT_EQ(*db_->Remove(again.key), true);
  EXPECT_EQ(*db_->Remove(again.key), false);
  ASSERT_OK(db_->Add(again));
  EXPECT_EQ(Counts(2), (Counted{11, 9})) << "a new record goes to the first";
}

TEST_F(MultiShared, AKeyInTwoMembersIsFoundOnceRemovedFromBothAndAProblem) {
  Open();
  EXPECT_TRUE(db_->Verify()->problems.empty());
  Plant(0, MakeRecord("p", "d1", "shared", {5, 0}));
  const Record wide = MakeRecord("p", "d", "lengths", {1, 2, 3});
  Plant(0, MakeRecord("p", "e", "lengths", {1, 2}));
  Plant(1, wide);
  const auto verified = db_->Verify();
  ASSERT_OK(verified);
  EXPECT_EQ(verified->records, 23);
  EXPECT_THAT(
      verified->problems,
      ElementsAre("test://1: the vectors of model \"lengths\" have 3 elements, those in test://0 "
                  "have 2",
                  "test://1: p-d1-shared is also in test://0"));
  EXPECT_EQ(Nearest({.model = "shared", .embedding = {0, 0}, .k = 3}),
            (std::vector<std::string>{"d0", "d1", "d2"}));
  EXPECT_EQ(
      db_->Similar({.model = "shared", .embedding = {0, 0}, .k = 50, .max_distance = 0.0F})->size(),
      20U);
  EXPECT_EQ(*db_->Remove({"p", "d1", "shared"}), true);
  EXPECT_FAILS(db_->Get({"p", "d1", "shared"}), kNotFound, "d1");
  EXPECT_FAILS(db_->Similar({.model = "lengths", .embedding = {1, 2}}), kInvalidArgument,
               "test://1: ");
}

class MultiFaults : public MultiTest {
 protected:
  void SetUp() override {
    MultiTest::SetUp();
    Open({"test://0?dimensions=1", "test://1?dimensions=2&max-results=7", "test://2"});
    ASSERT_OK(db_->Add(MakeRecord("p", "d", "one", {1})));
    ASSERT_OK(db_->Add(MakeRecord("p", "d", "two", {1, 2})));
    ASSERT_OK(db_->Add(MakeRecord("p", "d", "three", {1, 2, 3})));
  }
};

TEST_F(MultiFaults, ADeadMemberIsNamedByEveryCallThatNeedsIt) {
  states_[1].dead = true;
  constexpr std::string_view kNamed = "test://1?dimensions=2&max-results=7: the line is dead";
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "two", {1, 2})), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "new", {1})), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Get({"p", "d", "two"}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Get({"p", "absent", "one"}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Remove({"p", "d", "two"}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->List({}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Scan({}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Similar({.model = "two", .embedding = {1, 2}}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Count({}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Models({}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Providers({}), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Dimensions(), kUnavailable, kNamed);
  EXPECT_FAILS(db_->LastUpdate(), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Verify(), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Flush(), kUnavailable, kNamed);
  EXPECT_FAILS(db_->Close(), kUnavailable, kNamed);
}

TEST_F(MultiFaults, ASearchThatLosesAMemberOnItsWayIsNoAnswer) {
  ASSERT_OK(states_[0].database->Add(MakeRecord("p", "d", "shared", {1})));
  ASSERT_OK(states_[2].database->Add(MakeRecord("p", "e", "shared", {1})));
  states_[0].before_search = [this] { states_[2].dead = true; };
  states_[2].before_search = [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
  for (int round = 0; round < 20; ++round) {
    const auto found = db_->Similar({.model = "shared", .embedding = {1}});
    EXPECT_TRUE(found.ok() ? found->size() == 2
                           : found.status().message() == "test://2: the line is dead")
        << found.status();
    states_[2].dead = false;
  }
}

TEST_F(MultiFaults, AllAreFlushedAndClosedAndTheFirstErrorIsReported) {
  states_[0].dead = true;
  states_[1].dead = true;
  EXPECT_FAILS(db_->Flush(), kUnavailable, "test://0");
  EXPECT_FAILS(db_->Close(), kUnavailable, "test://0");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(states_[i].flushed);
    EXPECT_TRUE(states_[i].closed);
  }
  EXPECT_TRUE(test_.log.Contains("test://1"));
}

TEST_F(MultiFaults, WhatOneMemberCannotDoTheWholeCannot) {
  EXPECT_EQ(db_->capabilities(), states_[0].database->capabilities());
  Open({"memory://", "null://"});
  EXPECT_FALSE(db_->capabilities().stores);
  EXPECT_EQ(db_->pagination_type(), PaginationType::kCountable);
}

class MultiExport : public MultiTest {};

TEST_F(MultiExport, EachMemberHasItsOwnFolder) {
  const TempDir folder;
  const std::string out = folder.File("out");
  Open({"duckdb://?dimensions=1", "duckdb://?dimensions=2"});
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "one", {1})));
  ASSERT_OK(db_->Add(MakeRecord("p", "d", "two", {1, 2})));
  for (int twice = 0; twice < 2; ++twice) {
    ASSERT_OK(db_->Export(out));
    const auto first = test_.env->ReadFile(out + "/1/embeddings.csv", 1'000);
    const auto second = test_.env->ReadFile(out + "/2/embeddings.csv", 1'000);
    ASSERT_OK(first);
    ASSERT_OK(second);
    EXPECT_THAT(*first, AllOf(HasSubstr("\"one\""), Not(HasSubstr("\"two\""))));
    EXPECT_THAT(*second, AllOf(HasSubstr("\"two\""), Not(HasSubstr("\"one\""))));
    EXPECT_TRUE(test_.env->Exists(out + "/2/load.sql"));
  }
  std::ofstream(out + "/precious") << "x";
  EXPECT_FAILS(db_->Export(out), kFailedPrecondition, "\"precious\"");
}

TEST_F(MultiExport, IsRefusedWithTheNameOfTheMemberThatCannot) {
  const TempDir folder;
  Open({"duckdb://", "memory://?dimensions=2"});
  EXPECT_FAILS(db_->Export(folder.File("out")), kUnimplemented, "memory://?dimensions=2: export");
  EXPECT_FALSE(test_.env->Exists(folder.File("out")));
}

}  // namespace
}  // namespace embeddingsdb
