// SPDX-License-Identifier: BSD-3-Clause
//
// What the composition of store and index promises whatever the store is: where answers come from,
// and that they are true at some moment between request and answer.
#include "engines/embedded_database.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

/// What outlives the store: its rows, and what the test does to it and sees of it.
struct Shelf {
  std::mutex mutex;
  std::map<RowId, Record> rows;
  RowId next = 1;
  std::atomic<int> reads{0};
  std::atomic<int> visits{0};  ///< of all fields
  std::atomic<std::int64_t> external_changes{0};
  std::function<void()> after_commit = [] {};  ///< called by Put and Remove
  std::function<void()> after_visit = [] {};

  RowId Put(const Record& record) {
    const std::lock_guard lock(mutex);
    std::erase_if(rows, [&](const auto& row) { return row.second.key == record.key; });
    rows.emplace(next, record);
    return next++;
  }
  std::optional<RowId> Find(const Key& key) {
    const std::lock_guard lock(mutex);
    for (const auto& [row, record] : rows) {
      if (record.key == key) {
        return row;
      }
    }
    return std::nullopt;
  }
};

class ShelfStore final : public RecordStore {
 public:
  explicit ShelfStore(Shelf& shelf) : shelf_(shelf) {}

  Result<std::vector<PutResult>> Put(std::span<const Record* const> records,
                                     std::int64_t /*now*/) override {
    std::vector<PutResult> results;
    for (const Record* record : records) {
      const std::optional<RowId> replaced = shelf_.Find(record->key);
      results.push_back({shelf_.Put(*record), replaced});
    }
    shelf_.after_commit();
    return results;
  }
  Result<std::optional<RowId>> Remove(const Key& key, std::int64_t /*now*/) override {
    const std::optional<RowId> row = shelf_.Find(key);
    {
      const std::lock_guard lock(shelf_.mutex);
      shelf_.rows.erase(row.value_or(0));
    }
    shelf_.after_commit();
    return row;
  }
  Result<std::optional<Record>> Get(const Key& key) override {
    const std::optional<RowId> row = shelf_.Find(key);
    const std::lock_guard lock(shelf_.mutex);
    return row ? std::optional(shelf_.rows.at(*row)) : std::nullopt;
  }
  Result<std::vector<std::optional<Record>>> GetRows(std::span<const RowRef> rows,
                                                     RowParts /*parts*/) override {
    const std::lock_guard lock(shelf_.mutex);
    std::vector<std::optional<Record>> records;
    for (const RowRef& row : rows) {
      ++shelf_.reads;
      const auto found = shelf_.rows.find(row.row);
      records.push_back(found == shelf_.rows.end() ? std::nullopt : std::optional(found->second));
    }
    return records;
  }
  Status VisitVectors(const std::string& /*model*/, RowId after,
                      const VectorVisitor& visit) override {
    const std::lock_guard lock(shelf_.mutex);
    RowDetailsWriter details;
    for (auto row = shelf_.rows.upper_bound(after); row != shelf_.rows.end(); ++row) {
      const Record& record = row->second;
      EDB_TRY(visit({.row = row->first,
                     .provider = record.key.provider,
                     .depiction_id = record.key.depiction_id,
                     .vector = record.embedding,
                     .details = details.Write(record.subject_id, record.attributes)}));
    }
    shelf_.after_visit();
    return {};
  }
  Status VisitFields(const std::vector<Filter>& /*filters*/, const FieldsVisitor& visit) override {
    const std::lock_guard lock(shelf_.mutex);
    ++shelf_.visits;
    for (const auto& [row, record] : shelf_.rows) {
      EDB_TRY(visit(row, record));
    }
    return {};
  }
  Result<std::vector<RowId>> ListRows(const std::string& /*model*/, RowId /*last*/) override {
    return UnimplementedError("there are no index files");
  }
  Result<Catalog> LoadCatalog() override {
    const std::lock_guard lock(shelf_.mutex);
    Catalog catalog;
    for (const auto& [row, record] : shelf_.rows) {
      Catalog::Model& model = catalog.models[record.key.model];
      model.dimension = static_cast<int>(record.embedding.size());
      ++model.providers[record.key.provider];
    }
    return catalog;
  }
  Result<std::int64_t> ExternalChanges() override { return shelf_.external_changes.load(); }
  std::string IndexFolder() const override { return {}; }

  // Not asked here.
  Status List(const ListQuery& /*query*/, RecordPage& /*page*/) override { return Unused(); }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& /*filters*/) override {
    return Unused();
  }
  Result<std::int64_t> Count(const std::vector<Filter>& /*filters*/) override { return Unused(); }
  Result<std::int64_t> LastUpdate() override { return Unused(); }
  Result<std::uint64_t> GetMark(const std::string& /*name*/) override { return Unused(); }
  Status SetMark(const std::string& /*name*/, std::uint64_t /*value*/) override { return Unused(); }
  Status Export(const std::string& /*path*/) override { return Unused(); }
  Status CheckFiles(std::vector<std::string>& /*problems*/) override { return Unused(); }
  Status Close() override { return {}; }
  Capabilities capabilities() const override { return {.stores = true}; }

 private:
  static Status Unused() { return UnimplementedError("not for this test"); }

  Shelf& shelf_;
};

class EmbeddedDatabaseTest : public testing::Test {
 protected:
  void Open(const std::string& options) {
    const auto uri = Uri::Parse("shelf://?metric=l2" + options);
    ASSERT_OK(uri);
    auto engine_options = EngineOptions::FromUri(*uri, {});
    ASSERT_OK(engine_options);
    auto opened = OpenEmbeddedDatabase(std::make_unique<ShelfStore>(shelf_),
                                       *std::move(engine_options), test_.context());
    ASSERT_OK(opened);
    db_ = *std::move(opened);
  }
  static Record RecordAt(int place) {
    // Not a whole number, so that few bits do not hold it.
    Record record = MakeRecord("p", Concat("d", place), "m", {static_cast<float>(place) + 0.001F});
    record.attributes.emplace("place", Concat(place));
    return record;
  }
  /// The nearest record as a search says it is.
  SimilarRecord Nearest(int to) {
    const auto found = db_->Similar(
        {.model = "m", .embedding = {static_cast<float>(to)}, .k = 1, .max_distance = 0.0F});
    EXPECT_OK(found);
    return found.ok() && found->size() == 1 ? (*found)[0] : SimilarRecord();
  }
  /// Where the records are that satisfy a filter, the nearest to 0 first.
  std::vector<std::string> PlacesOf(const Filter& filter) {
    const auto found =
        db_->Similar({.model = "m", .embedding = {0}, .max_distance = 0.0F, .filters = {filter}});
    EXPECT_OK(found);
    std::vector<std::string> places;
    for (const SimilarRecord& record : found.ok() ? *found : std::vector<SimilarRecord>()) {
      places.push_back(record.key.depiction_id);
    }
    return places;
  }
  void ExpectNearest(int to, const Record& record) {
    const SimilarRecord found = Nearest(to);
    EXPECT_EQ(found.key, record.key);
    EXPECT_EQ(found.subject_id, record.subject_id);
    EXPECT_EQ(found.attributes, record.attributes);
  }

  Shelf shelf_;
  TestContext test_;
  std::unique_ptr<Database> db_;
};

TEST_F(EmbeddedDatabaseTest, AnswersComeFromTheIndexWhenItKnowsTheDistances) {
  shelf_.Put(RecordAt(1));
  Open("&precision=f32");
  ExpectNearest(0, RecordAt(1));
  ASSERT_OK(db_->Add(RecordAt(5)));
  ExpectNearest(5, RecordAt(5));
  Record changed = RecordAt(5);
  changed.attributes = {{"place", "changed"}};
  changed.subject_id = "changed";
  ASSERT_OK(db_->Add(changed));
  ExpectNearest(5, changed);
  ASSERT_OK(db_->Remove(changed.key));
  ExpectNearest(5, RecordAt(1));
  EXPECT_EQ(shelf_.reads, 0);
}

TEST_F(EmbeddedDatabaseTest, ARecordIsReadOnceWhenItsDistanceIs) {
  shelf_.Put(RecordAt(1));
  Open("&precision=bf16");
  ExpectNearest(0, RecordAt(1));
  EXPECT_EQ(shelf_.reads, 1);
}

TEST_F(EmbeddedDatabaseTest, WhatIsTooLongForTheIndexIsRead) {
  Record longer = RecordAt(9);
  longer.attributes.emplace("preview", std::string(kMaxIndexedDetailsBytes, 'x'));
  shelf_.Put(RecordAt(1));
  shelf_.Put(longer);
  Open("&precision=f32");
  ExpectNearest(9, longer);
  EXPECT_EQ(shelf_.reads, 1);
  longer.attributes["preview"] = std::string(kMaxAttributeValueBytes, 'y');
  ASSERT_OK(db_->Add(longer));
  ExpectNearest(9, longer);
  EXPECT_EQ(shelf_.reads, 2);
  ExpectNearest(1, RecordAt(1));
  EXPECT_EQ(shelf_.reads, 2);
}

TEST_F(EmbeddedDatabaseTest, TheIndexDecidesFilters) {
  const Filter filter{Column::kAttribute, "x", "kind"};
  Record wanted = RecordAt(2);
  wanted.attributes.emplace("kind", "x");
  shelf_.Put(RecordAt(1));
  shelf_.Put(wanted);
  Open("&precision=f32");
  EXPECT_EQ(PlacesOf(filter), std::vector<std::string>{"d2"});
  Record another = RecordAt(5);
  another.attributes.emplace("kind", "x");
  ASSERT_OK(db_->Add(another));
  EXPECT_EQ(PlacesOf(filter), (std::vector<std::string>{"d2", "d5"}));
  ASSERT_OK(db_->Add(RecordAt(2)));
  EXPECT_EQ(PlacesOf(filter), std::vector<std::string>{"d5"});
  EXPECT_EQ(PlacesOf({Column::kDepictionId, "d2"}), std::vector<std::string>{"d2"});
  EXPECT_EQ(shelf_.visits + shelf_.reads, 0);
}

TEST_F(EmbeddedDatabaseTest, WhatFiltersChooseInTheStoreIsRememberedUntilAWrite) {
  Record longer = RecordAt(2);
  longer.attributes.emplace("kind", "x");
  longer.attributes.emplace("preview", std::string(kMaxIndexedDetailsBytes, 'x'));
  shelf_.Put(RecordAt(1));
  shelf_.Put(longer);
  Open("&precision=f32");
  const Filter words{Column::kWords, "X"};
  for (int times = 1; times <= 3; ++times) {
    EXPECT_EQ(PlacesOf({Column::kAttribute, "x", "kind"}), std::vector<std::string>{"d2"});
    EXPECT_EQ(PlacesOf({Column::kAttribute, "y", "kind"}), std::vector<std::string>());
    EXPECT_EQ(PlacesOf(words), std::vector<std::string>{"d2"});
  }
  EXPECT_EQ(shelf_.visits, 3);
  Record another = RecordAt(5);
  another.attributes.emplace("kind", "x");
  ASSERT_OK(db_->Add(another));
  EXPECT_EQ(PlacesOf(words), (std::vector<std::string>{"d2", "d5"}));
  EXPECT_EQ(PlacesOf({Column::kAttribute, "x", "kind"}), (std::vector<std::string>{"d2", "d5"}));
  EXPECT_EQ(shelf_.visits, 5);
  ASSERT_OK(db_->Remove(another.key));
  EXPECT_EQ(PlacesOf(words), std::vector<std::string>{"d2"});
}

// Between a commit and the index update the record is already another for who asks the store.
TEST_F(EmbeddedDatabaseTest, ASearchDoesNotLagBehindACommit) {
  Open("&precision=f32");
  for (const bool removes : {false, true}) {
    ASSERT_OK(db_->Add(RecordAt(1)));
    ASSERT_OK(db_->Add(RecordAt(2)));
    ExpectNearest(2, RecordAt(2));
    Record changed = RecordAt(2);
    changed.subject_id = "changed";
    std::future<void> search;
    shelf_.after_commit = [&] {
      search = std::async(std::launch::async,
                          [&] { ExpectNearest(2, removes ? RecordAt(1) : changed); });
      // The search either waits for the write or has its answer.
      search.wait_for(std::chrono::milliseconds(100));
    };
    ASSERT_OK(removes ? db_->Remove(changed.key).status() : db_->Add(changed).status());
    search.get();
    shelf_.after_commit = [] {};
  }
}

TEST_F(EmbeddedDatabaseTest, WhoReadsOnlyFollowsTheOther) {
  shelf_.Put(RecordAt(1));
  Open("&precision=f32&read-only=true");
  ExpectNearest(2, RecordAt(1));
  shelf_.Put(RecordAt(2));
  ++shelf_.external_changes;
  ExpectNearest(2, RecordAt(2));
  EXPECT_EQ(shelf_.reads, 0);
}

// The other process removes a row while the index is being loaded, after the row was read.
TEST_F(EmbeddedDatabaseTest, WhoReadsOnlyDoesNotBelieveAnIndexLoadedDuringAChange) {
  shelf_.Put(RecordAt(1));
  shelf_.Put(RecordAt(2));
  Open("&precision=f32&read-only=true");
  shelf_.after_visit = [&] {
    if (shelf_.rows.erase(2) > 0) {
      ++shelf_.external_changes;
    }
  };
  ExpectNearest(2, RecordAt(1));
  EXPECT_GT(shelf_.reads, 0);
  ExpectNearest(2, RecordAt(1));
}

}  // namespace
}  // namespace embeddingsdb
