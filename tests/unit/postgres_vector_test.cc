// SPDX-License-Identifier: BSD-3-Clause
//
// postgres:// with pgvector: the server proposes what is near, by an index or without one, and the
// answers are those of memory://, which compares everything.
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "embeddingsdb/uri.h"

#include "support/pglite_server.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

PgliteServer& Server() {
  static PgliteServer server(EDB_NODE, EDB_PGLITE_SERVER);
  return server;
}

class PostgresVector : public testing::Test {
 protected:
  void Open(const std::string& options) {
    db_.reset();
    Result<std::unique_ptr<Database>> opened = test_.Open(Server().Uri(Schema()) + options);
    ASSERT_OK(opened);
    db_ = *std::move(opened);
    Result<std::unique_ptr<Database>> model = test_.Open("memory://?" + options.substr(1));
    ASSERT_OK(model);
    model_ = *std::move(model);
  }
  static std::string Schema() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void Add(const std::vector<Record>& records) {
    ASSERT_OK(db_->AddBatch(records));
    ASSERT_OK(model_->AddBatch(records));
  }
  /// Few values an element, so that many are as near as others.
  std::vector<float> Coarse(int dimension) {
    std::vector<float> vector(static_cast<std::size_t>(dimension));
    for (float& element : vector) {
      element = static_cast<float>(static_cast<int>(random_() % 5) - 2) * 0.25F;
    }
    return vector;
  }
  std::vector<Record> Many(const std::string& model, int dimension, int count) {
    std::vector<Record> records;
    for (int i = 0; i < count; ++i) {
      records.push_back(MakeRecord("p" + std::to_string(i % 3), "d" + std::to_string(i), model,
                                   Coarse(dimension)));
      records.back().attributes = {{"kind", i % 10 == 0 ? "rare" : "common"}};
    }
    return records;
  }
  void ExpectSame(const SimilarQuery& query) {
    const auto found = db_->Similar(query);
    const auto expected = model_->Similar(query);
    ASSERT_OK(found);
    ASSERT_OK(expected);
    EXPECT_EQ(*found, *expected);
  }
  ModelStats Stats(std::size_t model = 0) { return db_->Stats()->models.at(model); }

  TestContext test_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Database> model_;
  std::mt19937_64 random_{TestSeed()};
};

TEST_F(PostgresVector, ThePluginIsAddedAndToldOf) {
  Open("&metric=l2");
  const auto stats = db_->Stats();
  ASSERT_OK(stats);
  ASSERT_EQ(stats->facts.at(1).name, "pgvector_version");
  EXPECT_GE(stats->facts.at(1).value, 800);
}

TEST_F(PostgresVector, AnswersAreThoseOfTheExactModel) {
  for (const std::string metric : {"l2", "cosine", "ip"}) {
    SCOPED_TRACE(metric);
    Open("&metric=" + metric);
    const std::string model = "o'model \"" + metric;  // a name that has to be quoted
    Add(Many(model, 6, 200));
    for (int i = 0; i < 25; ++i) {
      SimilarQuery query = {.model = model,
                            .embedding = Coarse(6),
                            .k = 1 + static_cast<int>(random_() % 40),
                            .max_distance = static_cast<float>(random_() % 4) * 0.5F};
      if (i % 3 == 0) {
        query.provider = "p1";
      }
      if (i % 4 == 0) {
        query.filters = {{Column::kAttribute, "rare", "kind"}};
      }
      if (i % 5 == 0) {
        query.exclude = {"d0", "d20", "d40"};
        query.exclude_record = Key{"p1", "d10", model};
      }
      query.group_by = i % 7 == 0 ? GroupBy::kSubject : GroupBy::kNone;
      ExpectSame(query);
    }
    ExpectSame({.model = model, .embedding = std::vector<float>(6, 0.0F), .k = 50});
    ExpectSame({.model = model,
                .embedding = Coarse(6),
                .k = 5,
                .max_distance = 0.0F,
                .filters = {{Column::kWords, "rare"}}});
  }
}

TEST_F(PostgresVector, NumbersBeyondItsArithmeticAreComparedHere) {
  const float huge = std::numeric_limits<float>::max();
  for (const std::string metric : {"l2", "cosine", "ip"}) {
    SCOPED_TRACE(metric);
    Open("&metric=" + metric);
    const std::string model = "m-" + metric;
    std::vector<Record> records = Many(model, 2, 40);
    records.push_back(MakeRecord("p", "huge", model, {huge, huge}));
    records.push_back(MakeRecord("p", "minus", model, {-huge, huge}));
    records.push_back(MakeRecord("p", "tiny", model, {1e-45F, 0}));
    records.push_back(MakeRecord("p", "zero", model, {0, 0}));
    Add(records);
    for (const std::vector<float>& vector :
         std::vector<std::vector<float>>{{huge, huge}, {0, 0}, {1e-45F, 0}, {1e20F, -1e20F}}) {
      ExpectSame({.model = model, .embedding = vector, .k = 5, .max_distance = 0.0F});
    }
  }
}

TEST_F(PostgresVector, WithAnIndexKRowsComeBackWhateverIsFiltered) {
  Open("&index=hnsw");
  Add(Many("m", 6, 400));
  EXPECT_EQ(Stats().search, SearchKind::kHnsw);
  EXPECT_EQ(Stats().graph_rows, 400);
  EXPECT_GT(Stats().file_bytes, 0);
  int wanted = 0;
  int found = 0;
  for (int i = 0; i < 20; ++i) {
    SimilarQuery query = {
        .model = "m", .embedding = Coarse(6), .k = 10, .max_distance = 0.0F, .provider = {}};
    if (i % 2 == 0) {
      query.filters = {{Column::kAttribute, "rare", "kind"}};
    }
    const auto near = db_->Similar(query);
    const auto exact = model_->Similar(query);
    ASSERT_OK(near);
    ASSERT_EQ(near->size(), 10U);
    for (const SimilarRecord& record : *exact) {
      ++wanted;
      found += record.distance <= near->back().distance ? 1 : 0;
    }
    query.exact = true;
    ExpectSame(query);
  }
  EXPECT_GE(found * 100, wanted * 95);
}

TEST_F(PostgresVector, AnIndexFollowsReplacingRemovingAndAnotherLength) {
  Open("&index=hnsw");
  Add(Many("m", 4, 60));
  const std::vector<float> far = {50, 50, 50, 50};
  const Record moved = MakeRecord("p0", "d0", "m", far);
  ASSERT_OK(db_->Add(moved));
  const SimilarQuery query = {.model = "m", .embedding = far, .k = 1, .max_distance = 0.0F};
  EXPECT_EQ(db_->Similar(query)->at(0).key, moved.key);
  ASSERT_TRUE(*db_->Remove(moved.key));
  EXPECT_NE(db_->Similar(query)->at(0).key, moved.key);
  const Result<std::vector<Record>> all = ScanAll(*db_);
  ASSERT_OK(all);
  for (const Record& record : *all) {
    ASSERT_OK(db_->Remove(record.key));
  }
  ASSERT_OK(db_->Add(MakeRecord("p", "longer", "m", {1, 2, 3, 4, 5})));
  EXPECT_EQ(Stats().dimension, 5);
  EXPECT_EQ(Stats().search, SearchKind::kHnsw);
  EXPECT_EQ(db_->Similar({.model = "m", .embedding = {1, 2, 3, 4, 5}})->size(), 1U);
}

TEST_F(PostgresVector, LongVectorsAreIndexedAsHalvesAndLongerOnesNot) {
  Open("&index=hnsw");
  Add(Many("halves", kMaxVectorIndexColumns + 1, 20));
  Add(Many("none", kMaxHalfvecIndexColumns + 1, 20));
  EXPECT_EQ(Stats(0).search, SearchKind::kHnsw);
  EXPECT_EQ(Stats(1).search, SearchKind::kExact);
  const Result<std::vector<Record>> all = ScanAll(*db_);
  ASSERT_OK(all);
  for (const Record& record : *all) {
    const SimilarQuery query = {.model = record.key.model, .embedding = record.embedding, .k = 1};
    EXPECT_EQ(db_->Similar(query)->at(0).distance, 0);
    EXPECT_EQ(db_->Similar(query)->at(0).key, record.key);
  }
}

TEST_F(PostgresVector, ReindexMakesIndexesOnceMore) {
  Open("&index=exact");
  Add(Many("m", 4, 30));
  EXPECT_FALSE(db_->Reindex("", {})->at(0).indexed);
  Open("&index=hnsw");
  EXPECT_EQ(Stats().search, SearchKind::kExact);
  for (int i = 0; i < 2; ++i) {
    const auto done = db_->Reindex("m", {});
    ASSERT_OK(done);
    EXPECT_TRUE(done->at(0).indexed);
    EXPECT_EQ(done->at(0).rows, 30);
    EXPECT_EQ(Stats().search, SearchKind::kHnsw);
  }
  EXPECT_TRUE(db_->Verify()->problems.empty());
}

}  // namespace
}  // namespace embeddingsdb
