// SPDX-License-Identifier: BSD-3-Clause
//
// Pages over several databases: the same as those of one that has all records, and not dear.
#include <algorithm>
#include <iterator>
#include <random>

#include "unit/multi_fixture.h"

namespace embeddingsdb {
namespace {

class MultiList : public MultiTest {
 protected:
  void SetUp() override {
    MultiTest::SetUp();
    Open({"test://0?dimensions=1", "test://1?dimensions=2", "test://2"});
    model_ = *test_.Open("memory://");
  }
  /// A record that lies anywhere in list order, and a model that decides where it is stored.
  Record Next(int i) {
    const int kind = static_cast<int>(random_() % 10);
    // Few of the first member, many of the second, and a long run of the third.
    const std::size_t length = kind == 0 ? 1 : kind < 7 ? 2 : 3;
    Record record = MakeRecord("p" + std::to_string(random_() % 3), "d" + std::to_string(i % 500),
                               "m" + std::to_string(length), std::vector<float>(length, 1.0F));
    record.subject_id = length == 3 ? "run" : std::to_string(random_() % 200);
    return record;
  }
  void Fill(int records) {
    std::vector<Record> batch;
    for (int i = 0; i < records; ++i) {
      batch.push_back(Next(i));
    }
    ASSERT_OK(db_->AddBatch(batch));
    ASSERT_OK(model_->AddBatch(batch));
  }
  void ExpectSamePage(const ListQuery& query) {
    SCOPED_TRACE(testing::Message() << "page " << query.page << " of " << query.per_page);
    const auto expected = model_->List(query);
    const auto page = db_->List(query);
    ASSERT_OK(page);
    EXPECT_EQ(page->total, expected->total);
    EXPECT_EQ(page->pages, expected->pages);
    EXPECT_EQ(page->page, query.page);
    EXPECT_EQ(page->per_page, query.per_page);
    ASSERT_TRUE(page->records == expected->records);
  }
  std::int64_t Pages(std::int64_t per_page) {
    return model_->List({.page = 1, .per_page = per_page, .filters = {}})->pages;
  }

  std::mt19937_64 random_{TestSeed()};
  std::unique_ptr<Database> model_;
};

TEST_F(MultiList, WalksAndJumpsGiveThePagesOfOneDatabase) {
  Fill(3'000);
  for (const std::int64_t per_page : {1, 7, 100, 130, 1'000}) {
    const std::int64_t pages = Pages(per_page);
    for (std::int64_t page = 1; page <= std::min<std::int64_t>(pages + 2, 60); ++page) {
      ExpectSamePage({.page = page, .per_page = per_page, .filters = {}});
    }
    for (int jump = 0; jump < 20; ++jump) {
      const auto page = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(pages));
      ExpectSamePage({.page = page + 1, .per_page = per_page, .filters = {}});
    }
  }
}

TEST_F(MultiList, FiltersHaveWalksOfTheirOwn) {
  Fill(2'000);
  const std::vector<std::vector<Filter>> all = {{},
                                                {{Column::kProvider, "p1"}},
                                                {{Column::kModel, "m2"}},
                                                {{Column::kSubjectId, "run"}},
                                                {{Column::kDepictionId, "d7"}},
                                                {{Column::kModel, "absent"}}};
  for (std::int64_t page = 1; page <= 8; ++page) {
    for (const std::vector<Filter>& filters : all) {
      ExpectSamePage({.page = page, .per_page = 90, .filters = filters});
    }
  }
}

TEST_F(MultiList, WhatIsRememberedIsNotTrustedAfterWrites) {
  Fill(1'000);
  for (std::int64_t page = 1; page <= Pages(50); ++page) {
    ExpectSamePage({.page = page, .per_page = 50, .filters = {}});
    // Now and then something far in front of the next page comes or goes.
    Record record = Next(static_cast<int>(page));
    record.subject_id = "0";
    ASSERT_OK(db_->Add(record));
    ASSERT_OK(model_->Add(record));
    if (page % 3 == 0) {
      const Key first = model_->List({})->records.front().key;
      ASSERT_OK(db_->Remove(first));
      ASSERT_OK(model_->Remove(first));
    }
  }
  // Also when a member is emptied below what is remembered of it.
  const auto all = ScanAll(*model_, {{Column::kModel, "m2"}});
  for (const Record& record : *all) {
    ASSERT_OK(db_->Remove(record.key));
    ASSERT_OK(model_->Remove(record.key));
  }
  for (std::int64_t page = Pages(50); page >= 1; --page) {
    ExpectSamePage({.page = page, .per_page = 50, .filters = {}});
  }
}

TEST_F(MultiList, AWalkReadsEachRecordFewTimesAndAJumpFewPages) {
  Fill(9'000);
  const std::int64_t total = *db_->Count({});
  const auto read = [&] { return states_[0].listed + states_[1].listed + states_[2].listed; };
  const auto lists = [&] { return states_[0].lists + states_[1].lists + states_[2].lists; };
  const std::int64_t pages = Pages(100);
  for (std::int64_t page = 1; page <= pages; ++page) {
    ASSERT_OK(db_->List({.page = page, .per_page = 100, .filters = {}}));
  }
  EXPECT_LE(read(), 5 * total);
  EXPECT_LE(lists(), 12 * pages);

  SetUp();  // a database that remembers nothing
  Fill(9'000);
  const std::int64_t before = lists();
  ExpectSamePage({.page = *db_->Count({}) / 100 - 3, .per_page = 100, .filters = {}});
  EXPECT_LE(lists() - before, 60);
}

TEST_F(MultiList, FewRecordsOfOneMemberAreAskedOfItAlone) {
  Fill(500);
  for (MemberState& state : states_) {
    state.lists = 0;
  }
  ExpectSamePage({.page = 2, .per_page = 50, .filters = {{Column::kModel, "m2"}}});
  EXPECT_EQ(states_[0].lists, 0);
  EXPECT_EQ(states_[1].lists, 1);
  EXPECT_EQ(states_[2].lists, 0);
}

TEST_F(MultiList, AKeyInTwoMembersIsListedForEach) {
  const Record record = MakeRecord("p", "d", "m", {1});
  Record copy = record;
  copy.created = 7;
  ASSERT_OK(states_[0].database->Add(record));
  ASSERT_OK(states_[2].database->Add(copy));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(db_->List({.page = 1, .per_page = 1, .filters = {}})->records.at(0), record);
    EXPECT_EQ(db_->List({.page = 2, .per_page = 1, .filters = {}})->records.at(0), copy);
  }
  EXPECT_EQ(ScanAll(*db_)->size(), 2U);
}

}  // namespace
}  // namespace embeddingsdb
