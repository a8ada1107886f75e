// SPDX-License-Identifier: BSD-3-Clause
//
// List, scan, count, models, providers: every record once, in order, with filters and arithmetic.
#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

class Lists : public EngineTest {
 protected:
  /// 23 records over three providers and two models, with subjects out of key order.
  void Fill() {
    std::vector<Record> batch;
    for (int i = 0; i < 23; ++i) {
      Record record = MakeRecord("p" + std::to_string(i % 3), "d" + std::to_string(i),
                                 i % 2 == 0 ? "even" : "odd", {static_cast<float>(i), 1});
      record.subject_id = "s" + std::to_string(i % 5);
      batch.push_back(std::move(record));
    }
    ASSERT_OK(db_->AddBatch(batch));
  }
};
EDB_FOR_ALL_STORES(Lists);
EDB_FOR_ALL_SERVICES(Lists);

TEST_P(Lists, EmptyDatabaseHasNoPagesAndEnds) {
  const Result<RecordPage> page = db_->List({});
  ASSERT_OK(page);
  EXPECT_TRUE(page->records.empty());
  EXPECT_EQ(page->total, 0);
  EXPECT_EQ(page->pages, 0);
  EXPECT_TRUE(ScanAll(*db_)->empty());
  EXPECT_TRUE(db_->Models({})->empty());
  EXPECT_TRUE(db_->Providers({})->empty());
  EXPECT_TRUE(db_->Dimensions()->empty());
}

TEST_P(Lists, PagesHoldEveryRecordOnceInListOrder) {
  Fill();
  std::vector<Record> all;
  for (std::int64_t page = 1; page <= 5; ++page) {
    const Result<RecordPage> got = db_->List({.page = page, .per_page = 5, .filters = {}});
    ASSERT_OK(got);
    EXPECT_EQ(got->total, 23);
    EXPECT_EQ(got->pages, 5);
    EXPECT_EQ(got->page, page);
    EXPECT_EQ(got->per_page, 5);
    EXPECT_EQ(got->records.size(), page == 5 ? 3U : 5U);
    all.insert(all.end(), got->records.begin(), got->records.end());
  }
  ASSERT_EQ(all.size(), 23U);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto rank = [](const Record& r) {
      return std::tie(r.subject_id, r.key.depiction_id, r.key.model, r.key.provider);
    };
    EXPECT_LT(rank(all[i - 1]), rank(all[i]));
  }
}

TEST_P(Lists, TiesAcrossProvidersAreOrderedSoNoPageRepeatsOne) {
  for (const char* provider : {"c", "a", "b"}) {
    Record record = MakeRecord(provider, "d", "m", {1});
    record.subject_id = "same";
    Add(record);
  }
  for (std::int64_t page = 1; page <= 3; ++page) {
    const Result<RecordPage> got = db_->List({.page = page, .per_page = 1, .filters = {}});
    ASSERT_OK(got);
    EXPECT_EQ(got->records.at(0).key.provider, std::string(1, static_cast<char>('a' + page - 1)));
  }
}

TEST_P(Lists, OrderIsBytewiseNotByLocale) {
  for (const char* subject : {"b", "B", "a", "\xC3\xA9", "Z"}) {
    Record record = MakeRecord("p", subject, "m", {1});
    record.subject_id = subject;
    Add(record);
  }
  std::vector<std::string> subjects;
  const Result<RecordPage> page = db_->List({});
  ASSERT_OK(page);
  for (const Record& record : page->records) {
    subjects.push_back(record.subject_id);
  }
  EXPECT_EQ(subjects, (std::vector<std::string>{"B", "Z", "a", "b", "\xC3\xA9"}));
}

TEST_P(Lists, APagePastTheEndIsEmptyAndNoError) {
  Fill();
  const Result<RecordPage> page = db_->List({.page = 9, .per_page = 5, .filters = {}});
  ASSERT_OK(page);
  EXPECT_TRUE(page->records.empty());
  EXPECT_EQ(page->total, 23);
  ASSERT_OK(db_->List({.page = kMaxPage, .per_page = kMaxPerPage, .filters = {}}));
}

TEST_P(Lists, BadPagesAreRefusedByName) {
  EXPECT_FAILS(db_->List({.page = 0, .per_page = 5, .filters = {}}), kInvalidArgument, "page");
  EXPECT_FAILS(db_->List({.page = 1, .per_page = 0, .filters = {}}), kInvalidArgument, "per_page");
  EXPECT_FAILS(db_->List({.page = 1, .per_page = 1001, .filters = {}}), kInvalidArgument, "1000");
  EXPECT_FAILS(db_->List({.page = kMaxPage + 1, .per_page = 1, .filters = {}}), kInvalidArgument,
               "page");
}

TEST_P(Lists, FiltersAreAndedOnListScanAndCountAlike) {
  Fill();
  const std::vector<std::vector<Filter>> all_filters = {
      {{Column::kProvider, "p1"}},
      {{Column::kModel, "odd"}},
      {{Column::kSubjectId, "s3"}},
      {{Column::kDepictionId, "d7"}},
      {{Column::kProvider, "p1"}, {Column::kModel, "odd"}},
      {{Column::kProvider, "p1"}, {Column::kProvider, "p2"}},
      {{Column::kProvider, "' OR 1=1 --"}},
  };
  const Result<std::vector<Record>> everything = ScanAll(*db_);
  ASSERT_OK(everything);
  for (const std::vector<Filter>& filters : all_filters) {
    std::vector<Record> expected;
    for (const Record& record : *everything) {
      if (Matches(record, filters)) {
        expected.push_back(record);
      }
    }
    const Result<RecordPage> page = db_->List({.page = 1, .per_page = 100, .filters = filters});
    ASSERT_OK(page);
    EXPECT_EQ(page->total, static_cast<std::int64_t>(expected.size()));
    std::vector<Record> listed = page->records;
    std::sort(listed.begin(), listed.end(),
              [](const Record& a, const Record& b) { return a.key < b.key; });
    EXPECT_EQ(listed, expected);
    EXPECT_EQ(*ScanAll(*db_, filters), expected);
    EXPECT_EQ(*db_->Count(filters), static_cast<std::int64_t>(expected.size()));
  }
}

TEST_P(Lists, ScanIsASnapshotAndSeesEveryRecordOnce) {
  if (!db_->capabilities().snapshot_scan) {
    GTEST_SKIP() << "docs/engines.md: no snapshot scan";
  }
  Fill();
  const Result<std::vector<Record>> before = ScanAll(*db_);
  ASSERT_OK(before);
  Result<std::unique_ptr<RecordCursor>> cursor = db_->Scan({});
  ASSERT_OK(cursor);
  Record first;
  ASSERT_TRUE(*(*cursor)->Next(first));
  ASSERT_OK(db_->Remove({"p1", "d22", "even"}));
  Add(MakeRecord("new", "d", "m", {1, 2}));
  const Record changed = MakeRecord("p0", "d3", "odd", {9, 9});
  Add(changed);
  Result<std::vector<Record>> rest = Drain(**cursor);
  ASSERT_OK(rest);
  rest->push_back(first);
  std::sort(rest->begin(), rest->end(),
            [](const Record& a, const Record& b) { return a.key < b.key; });
  EXPECT_EQ(*rest, *before);
  cursor->reset();
}

TEST_P(Lists, ModelsAndProvidersAreDistinctSortedAndRestricted) {
  Fill();
  Add(MakeRecord("lonely", "d", "third", {1}));
  EXPECT_EQ(*db_->Models({}), (std::vector<std::string>{"even", "odd", "third"}));
  EXPECT_EQ(*db_->Providers({}), (std::vector<std::string>{"lonely", "p0", "p1", "p2"}));
  const std::vector<std::string> lonely = {"lonely", "nobody"};
  EXPECT_EQ(*db_->Models(lonely), std::vector<std::string>{"third"});
  const std::vector<std::string> third = {"third"};
  EXPECT_EQ(*db_->Providers(third), std::vector<std::string>{"lonely"});
  ASSERT_OK(db_->Remove({"lonely", "d", "third"}));
  EXPECT_EQ(*db_->Models({}), (std::vector<std::string>{"even", "odd"}));
  EXPECT_EQ(*db_->Providers({}), (std::vector<std::string>{"p0", "p1", "p2"}));
}

TEST_P(Lists, VerifyFindsASoundDatabaseSound) {
  Fill();
  ASSERT_OK(db_->Similar({.model = "even", .embedding = {1, 1}}));
  const Result<VerifyReport> report = db_->Verify();
  ASSERT_OK(report);
  EXPECT_EQ(report->records, 23);
  EXPECT_EQ(report->problems, std::vector<std::string>{});
}

}  // namespace
}  // namespace embeddingsdb
