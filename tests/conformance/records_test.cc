// SPDX-License-Identifier: BSD-3-Clause
//
// Add, get, remove, replace: what goes in comes out, once, and nothing bad gets in.
#include <algorithm>
#include <limits>
#include <thread>

#include "conformance/canary.h"
#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

class Records : public EngineTest {};
EDB_FOR_ALL_STORES(Records);
EDB_FOR_ALL_SERVICES(Records);

Record Awkward() {
  Record record = MakeRecord(
      "Mus\xC3\xA9"
      "e d'Orsay; \"A\" -- x",
      "a/b?c=%2F&d", "m-1'", {});
  record.subject_id = "";
  record.embedding = {0.1F, -0.0F, 1e-45F, std::numeric_limits<float>::max(), -1.5F};
  record.created = -12'345'678'901;
  record.attributes = {{"empty", ""},
                       {"lines", "one\ntwo\r\n\ttab"},
                       {"markup", "<b>&amp;</b> \\ \" ' \xE2\x80\xA8"},
                       {"clef", "\xF0\x9D\x84\x9E"}};
  return record;
}

TEST_P(Records, GivesBackExactlyWhatWasAdded) {
  const Record record = Awkward();
  const Result<AddReport> report = db_->Add(record);
  ASSERT_OK(report);
  EXPECT_EQ(*report, (AddReport{.added = 1, .replaced = 0}));
  const Result<Record> got = db_->Get(record.key);
  ASSERT_OK(got);
  EXPECT_EQ(*got, record);
  EXPECT_TRUE(std::signbit(got->embedding[1])) << "negative zero keeps its sign";
}

TEST_P(Records, AddReplacesTheWholeRecordOfTheSameKey) {
  Record record = MakeRecord("p", "d", "m", {1, 2});
  Add(record);
  record.subject_id = "other";
  record.embedding = {3, 4};
  record.created = 7;
  record.attributes = {{"k", "v"}};
  const Result<AddReport> report = db_->Add(record);
  ASSERT_OK(report);
  EXPECT_EQ(*report, (AddReport{.added = 0, .replaced = 1}));
  EXPECT_EQ(*db_->Get(record.key), record);
  EXPECT_EQ(*db_->Count({}), 1);
}

TEST_P(Records, KeysDifferInEveryPartAndAreNeverJoined) {
  Add(MakeRecord("a-b", "c", "m", {1}));
  Add(MakeRecord("a", "b-c", "m", {2}));
  Add(MakeRecord("a", "b", "c-m", {3}));
  Add(MakeRecord("A", "b-c", "m", {4}));
  EXPECT_EQ(*db_->Count({}), 4);
  EXPECT_EQ(db_->Get({"a", "b-c", "m"})->embedding, std::vector<float>{2});
  EXPECT_FAILS(db_->Get({"a-b-c", "m", "m"}), kNotFound, "");
}

TEST_P(Records, ComposedAndDecomposedUnicodeAreDifferentKeys) {
  Add(MakeRecord("p", "\xC3\xA9", "m", {1}));
  Add(MakeRecord("p", "e\xCC\x81", "m", {2}));
  EXPECT_EQ(*db_->Count({}), 2);
}

TEST_P(Records, GetOfAnAbsentKeyIsNotFound) {
  EXPECT_FAILS(db_->Get({"p", "absent", "m"}), kNotFound, "absent");
}

TEST_P(Records, RemoveSaysWhetherThereWasOne) {
  const Record record = MakeRecord("p", "d", "m", {1, 2});
  Add(record);
  EXPECT_EQ(*db_->Remove(record.key), true);
  EXPECT_EQ(*db_->Remove(record.key), false);
  EXPECT_FAILS(db_->Get(record.key), kNotFound, "");
  EXPECT_EQ(*db_->Count({}), 0);
  Add(record);
  EXPECT_EQ(*db_->Get(record.key), record);
}

// Enough for an engine that looks up many at once in another way.
TEST_P(Records, ABatchOfRemovalsTakesThoseThatThereAreAndNoOthers) {
  std::vector<Record> records;
  std::vector<Key> gone;
  for (int i = 0; i < 120; ++i) {
    records.push_back(MakeRecord("p" + std::to_string(i % 2), std::to_string(i),
                                 i < 100 ? "m" : "all", {1, static_cast<float>(i)}));
    if (i % 3 == 0 || i >= 100) {
      gone.push_back(records.back().key);
    }
  }
  ASSERT_OK(db_->AddBatch(records));
  const auto expected = static_cast<std::int64_t>(gone.size());
  gone.push_back({"p0", "absent", "m"});
  gone.push_back({"p1", "0", "m"});  // of another provider
  gone.push_back(gone[1]);
  EXPECT_EQ(*db_->RemoveBatch(gone), expected);
  for (const Record& record : records) {
    const bool removed = std::ranges::find(gone, record.key) != gone.end();
    EXPECT_EQ(db_->Get(record.key).status().code(),
              removed ? StatusCode::kNotFound : StatusCode::kOk)
        << DisplayKey(record.key);
  }
  EXPECT_EQ(*db_->Count({}), 120 - expected);
  EXPECT_EQ(*db_->Models({}), std::vector<std::string>{"m"}) << "the other one has no records";
  EXPECT_EQ(*db_->RemoveBatch(gone), 0);
  EXPECT_EQ(*db_->RemoveBatch({}), 0);
  ASSERT_OK(db_->AddBatch(records));
  EXPECT_EQ(*db_->Count({}), 120);
}

TEST_P(Records, ABatchOfRemovalsIsRefusedWhole) {
  const Record record = MakeRecord("p", "d", "m", {1, 2});
  Add(record);
  EXPECT_FAILS(db_->RemoveBatch(std::vector<Key>{record.key, {"p", "", "m"}}), kInvalidArgument,
               "key 1");
  EXPECT_FAILS(db_->RemoveBatch(std::vector<Key>(kMaxBatchRecords + 1, record.key)),
               kInvalidArgument, "10001 keys, the limit is 10000");
  EXPECT_OK(db_->Get(record.key));
}

TEST_P(Records, OfRepeatedKeysInABatchTheLastWins) {
  const std::vector<Record> batch = {MakeRecord("p", "d", "m", {1}), MakeRecord("p", "e", "m", {2}),
                                     MakeRecord("p", "d", "m", {3})};
  const Result<AddReport> report = db_->AddBatch(batch);
  ASSERT_OK(report);
  EXPECT_EQ(*report, (AddReport{.added = 2, .replaced = 1}));
  EXPECT_EQ(db_->Get({"p", "d", "m"})->embedding, std::vector<float>{3});
}

// Of 20 records 10 are there: enough for an engine that looks up many at once in another way.
class AddingTwice : public Records {
 protected:
  static constexpr int kStored = 10;

  void SetUp() override {
    Records::SetUp();
    for (int i = 0; i < kStored; ++i) {
      stored_.push_back(MakeRecord("p", std::to_string(i), "m", {1}));
      stored_.back().created = 100;
    }
    ASSERT_OK(db_->AddBatch(stored_));
    for (int i = 0; i < 2 * kStored; ++i) {
      batch_.push_back(MakeRecord("p", std::to_string(i), "m", {2}));
      batch_.back().created = i < kStored / 2 ? 99 : 100;
    }
  }
  /// First elements of the vectors of the first 10 keys, as digits.
  std::string Stored() {
    std::string digits;
    for (const Record& record : stored_) {
      digits += std::to_string(static_cast<int>(db_->Get(record.key)->embedding.front()));
    }
    return digits;
  }

  std::vector<Record> stored_;
  std::vector<Record> batch_;
};
EDB_FOR_ALL_STORES(AddingTwice);
EDB_FOR_ALL_SERVICES(AddingTwice);

TEST_P(AddingTwice, FailStoresNothingAndNamesTheKey) {
  const AddOptions fail{.on_duplicate = OnDuplicate::kFail};
  std::reverse(batch_.begin(), batch_.end());  // the first taken key comes after free ones
  EXPECT_FAILS(db_->AddBatch(batch_, fail), kAlreadyExists, "p-9-m");
  EXPECT_EQ(*db_->Count({}), kStored);
  EXPECT_EQ(Stored(), "1111111111");
  const std::vector<Record> twice = {batch_[0], batch_[1], batch_[0]};
  EXPECT_FAILS(db_->AddBatch(twice, fail), kAlreadyExists, "p-19-m");
  EXPECT_EQ(*db_->AddBatch({batch_.data(), kStored}, fail), (AddReport{.added = kStored}));
}

TEST_P(AddingTwice, SkipKeepsWhatIsThere) {
  batch_.push_back(batch_.back());
  batch_.back().embedding = {3};
  EXPECT_EQ(*db_->AddBatch(batch_, {.on_duplicate = OnDuplicate::kSkip}),
            (AddReport{.added = kStored, .skipped = kStored + 1}));
  EXPECT_EQ(Stored(), "1111111111");
  EXPECT_EQ(db_->Get(batch_.back().key)->embedding, std::vector<float>{2});
}

TEST_P(AddingTwice, NewestComparesTheTimes) {
  EXPECT_EQ(*db_->AddBatch(batch_, {.on_duplicate = OnDuplicate::kNewest}),
            (AddReport{.added = kStored, .replaced = kStored / 2, .skipped = kStored / 2}));
  EXPECT_EQ(Stored(), "1111122222");
  Record older = batch_.back();
  older.embedding = {4};
  older.created = 1;
  const std::vector<Record> both = {batch_.back(), older};
  EXPECT_EQ(*db_->AddBatch(both, {.on_duplicate = OnDuplicate::kNewest}),
            (AddReport{.replaced = 1, .skipped = 1}));
  EXPECT_EQ(db_->Get(older.key)->embedding, std::vector<float>{2});
}

TEST_P(AddingTwice, ADryRunReportsAndStoresNothing) {
  const AddOptions options{.on_duplicate = OnDuplicate::kSkip, .dry_run = true};
  EXPECT_EQ(*db_->AddBatch(batch_, options), (AddReport{.added = kStored, .skipped = kStored}));
  EXPECT_EQ(*db_->AddBatch(batch_, {.dry_run = true}),
            (AddReport{.added = kStored, .replaced = kStored}));
  EXPECT_EQ(*db_->Count({}), kStored);
  batch_.back().embedding = {1, 2};
  EXPECT_FAILS(db_->AddBatch(batch_, options), kInvalidArgument, "elements");
}

TEST_P(Records, ABatchWithOneBadRecordStoresNothingAndNamesIt) {
  std::vector<Record> batch = {MakeRecord("p", "d", "m", {1}), MakeRecord("p", "e", "m", {2})};
  batch[1].embedding[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FAILS(db_->AddBatch(batch), kInvalidArgument, "record 1");
  EXPECT_EQ(*db_->Count({}), 0);
}

TEST_P(Records, EmptyBatchIsFine) {
  EXPECT_EQ(*db_->AddBatch({}), AddReport{});
  EXPECT_EQ(*db_->LastUpdate(), 0);
}

TEST_P(Records, ABatchOverTheLimitIsRefused) {
  const std::vector<Record> batch(kMaxBatchRecords + 1, MakeRecord("p", "d", "m", {1}));
  EXPECT_FAILS(db_->AddBatch(batch), kInvalidArgument, std::to_string(kMaxBatchRecords));
}

TEST_P(Records, TheFirstRecordFixesTheLengthOfItsModelsVectors) {
  Add(MakeRecord("p", "d", "m", {1, 2, 3}));
  EXPECT_FAILS(db_->Add(MakeRecord("p", "e", "m", {1, 2})), kInvalidArgument, "have 3");
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "m", {1, 2})), kInvalidArgument, "have 3");
  Add(MakeRecord("p", "e", "other", {1, 2}));
  EXPECT_EQ(*db_->Dimensions(), (std::vector<int>{2, 3}));
}

TEST_P(Records, ABatchCannotMixLengthsWithinANewModel) {
  const std::vector<Record> batch = {MakeRecord("p", "d", "m", {1}),
                                     MakeRecord("p", "e", "m", {1, 2})};
  EXPECT_FAILS(db_->AddBatch(batch), kInvalidArgument, "have 1");
  EXPECT_EQ(*db_->Count({}), 0);
}

TEST_P(Records, AnEmptiedModelMayTakeAnotherLength) {
  Add(MakeRecord("p", "d", "m", {1, 2, 3}));
  ASSERT_OK(db_->Similar({.model = "m", .embedding = {1, 2, 3}}));
  ASSERT_OK(db_->Remove({"p", "d", "m"}));
  Add(MakeRecord("p", "d", "m", {1, 2}));
  const auto found = db_->Similar({.model = "m", .embedding = {1, 2}});
  ASSERT_OK(found);
  EXPECT_EQ(found->size(), 1U);
}

TEST_P(Records, TheDimensionsOptionRefusesOtherLengths) {
  OpenWith("&dimensions=4");
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "m", {1, 2})), kInvalidArgument, "dimensions");
  Add(MakeRecord("p", "d", "m", {1, 2, 3, 4}));
  EXPECT_EQ(*db_->Dimensions(), std::vector<int>{4});
}

TEST_P(Records, RefusesEveryBadRecordByNameAndStoresNothing) {
  struct Case {
    std::function<void(Record&)> spoil;
    std::string_view names;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<Case> cases = {
      {[](Record& r) { r.key.provider.clear(); }, "provider"},
      {[](Record& r) { r.key.provider = std::string("a\0b", 3); }, "provider"},
      {[](Record& r) { r.key.depiction_id = "\x1F"; }, "depiction_id"},
      {[](Record& r) { r.key.depiction_id = std::string(kMaxDepictionIdBytes + 1, 'x'); }, "1024"},
      {[](Record& r) { r.key.model = "\xFF"; }, "model"},
      {[](Record& r) { r.subject_id = "\xC0\x80"; }, "subject_id"},
      {[](Record& r) { r.embedding.clear(); }, "embeddings"},
      {[](Record& r) { r.embedding.assign(kMaxDimension + 1, 1.0F); }, "8192"},
      {[nan](Record& r) { r.embedding[1] = nan; }, "embeddings[1]"},
      {[inf](Record& r) { r.embedding[0] = -inf; }, "embeddings[0]"},
      {[](Record& r) { r.attributes[""] = "x"; }, "attribute"},
      {[](Record& r) { r.attributes["k"] = "\xED\xA0\x80"; }, "attributes[\"k\"]"},
      {[](Record& r) { r.attributes["k"] = std::string(kMaxAttributeValueBytes + 1, 'x'); },
       "24576"},
  };
  for (const Case& bad : cases) {
    Record record = MakeRecord("p", "d", "m", {1, 2});
    bad.spoil(record);
    EXPECT_FAILS(db_->Add(record), kInvalidArgument, bad.names);
  }
  EXPECT_EQ(*db_->Count({}), 0);
}

TEST_P(Records, TakesRecordsAtEveryLimit) {
  Record record =
      MakeRecord(std::string(kMaxProviderBytes, 'p'), std::string(kMaxDepictionIdBytes, 'd'),
                 std::string(kMaxModelBytes, 'm'), {});
  record.embedding.assign(kMaxDimension, 0.5F);
  record.subject_id = std::string(kMaxSubjectIdBytes, 's');
  record.created = std::numeric_limits<std::int64_t>::max();
  record.attributes = {
      {std::string(kMaxAttributeKeyBytes, 'k'), std::string(kMaxAttributeValueBytes, 'v')}};
  Add(record);
  EXPECT_EQ(*db_->Get(record.key), record);
}

TEST_P(Records, LastUpdateFollowsWritesAndRemovals) {
  EXPECT_EQ(*db_->LastUpdate(), 0);
  const std::int64_t before = test_.env->NowUnixSeconds();
  Add(MakeRecord("p", "d", "m", {1}));
  const std::int64_t added = *db_->LastUpdate();
  EXPECT_GE(added, before);
  EXPECT_LE(added, test_.env->NowUnixSeconds());
  ASSERT_OK(db_->Remove({"p", "d", "m"}));
  EXPECT_GE(*db_->LastUpdate(), added);
}

TEST_P(Records, EverythingFailsByNameAfterClose) {
  ASSERT_OK(db_->Close());
  EXPECT_FAILS(db_->Add(MakeRecord("p", "d", "m", {1})), kFailedPrecondition, "closed");
  EXPECT_FAILS(db_->Get({"p", "d", "m"}), kFailedPrecondition, "closed");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1}}), kFailedPrecondition, "closed");
  EXPECT_FAILS(db_->Close(), kFailedPrecondition, "closed");
  db_.reset();
}

TEST_P(Records, UnknownOptionsAreRefusedWithTheNearestName) {
  EXPECT_FAILS(TryOpen("&max-result=3"), kInvalidArgument, "max-results");
  EXPECT_FAILS(TryOpen("&max-results=0"), kInvalidArgument, "max-results");
  EXPECT_FAILS(TryOpen("&max-results=1001"), kInvalidArgument, "1000");
  EXPECT_FAILS(TryOpen("&dimensions=many"), kInvalidArgument, "dimensions");
  EXPECT_FAILS(TryOpen("&max-distance=near"), kInvalidArgument, "max-distance");
  EXPECT_FAILS(TryOpen("&precision=f8"), kInvalidArgument, "bf16");
  EXPECT_FAILS(TryOpen("&max-results=3&max-results=4"), kInvalidArgument, "max-results 2 times");
}

using RemovingCanary = Canary;
EDB_FOR_ONE_ENGINE(RemovingCanary);

TEST_P(RemovingCanary, ARecordThatStaysIsNoticed) {
  EXPECT_TRUE(Notices<Records_ABatchOfRemovalsTakesThoseThatThereAreAndNoOthers_Test>(
      Fault::kRemoveBatchLeaves));
  EXPECT_FALSE(Notices<Records_ABatchOfRemovalsTakesThoseThatThereAreAndNoOthers_Test>(
      Fault::kStatsCountGone));
}

// A suite that finds nothing proves nothing.
using AddingCanary = Canary;
EDB_FOR_ONE_ENGINE(AddingCanary);

TEST_P(AddingCanary, APolicyThatIsNotKeptIsNoticed) {
  EXPECT_TRUE(Notices<AddingTwice_FailStoresNothingAndNamesTheKey_Test>(Fault::kFailStoresOthers));
  EXPECT_TRUE(Notices<AddingTwice_SkipKeepsWhatIsThere_Test>(Fault::kSkipReplaces));
  EXPECT_TRUE(Notices<AddingTwice_NewestComparesTheTimes_Test>(Fault::kNewestIsLast));
  EXPECT_TRUE(Notices<AddingTwice_ADryRunReportsAndStoresNothing_Test>(Fault::kDryRunStores));
}

TEST_P(AddingCanary, AFaultElsewhereIsNot) {
  EXPECT_FALSE(Notices<AddingTwice_FailStoresNothingAndNamesTheKey_Test>(Fault::kNewestIsLast));
  EXPECT_FALSE(Notices<AddingTwice_SkipKeepsWhatIsThere_Test>(Fault::kDryRunStores));
  EXPECT_FALSE(Notices<AddingTwice_NewestComparesTheTimes_Test>(Fault::kSkipReplaces));
  EXPECT_FALSE(Notices<AddingTwice_ADryRunReportsAndStoresNothing_Test>(Fault::kStatsCountGone));
}

}  // namespace
}  // namespace embeddingsdb
