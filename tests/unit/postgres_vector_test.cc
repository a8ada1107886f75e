// SPDX-License-Identifier: BSD-3-Clause
//
// postgres:// with pgvector: the server proposes what is near, by an index or without one, and the
// answers are those of memory://, which compares everything.
#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "engines/postgres/postgres_candidates.h"
#include "engines/postgres/postgres_handle.h"
#include "engines/postgres/postgres_location.h"
#include "engines/postgres/postgres_transaction.h"
#include "support/pglite_server.h"
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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
  /// The plan of what a search sends, with the settings a search makes. Of what it prepares it is
  /// the one that the server keeps, for any values.
  std::string Explain(const PostgresOrder& order, const SimilarQuery& query, IndexMode mode) {
    const Result<std::unique_ptr<PostgresConnection>> session = Session();
    EXPECT_OK(session);
    PostgresTransaction transaction(**session);
    transaction.BeginSnapshot();
    (*session)->Setting(PostgresIndexSettings((*session)->vector_version(), *query.k));
    if (mode == IndexMode::kHnsw) {
      (*session)->Ahead(PostgresForceIndex());
    }
    const bool lasts = PostgresPlanLasts(query, order);
    const std::string model = lasts ? *(*session)->Literal(query.model) : "";
    const PostgresStatement statement = PostgresCandidates(query, order, *query.k + 16, model);
    const Result<PostgresResult> plan =
        lasts ? (*session)->Execute("EXPLAIN (GENERIC_PLAN) " + statement.sql)
              : (*session)->Query("EXPLAIN " + statement.sql, statement.params);
    EXPECT_OK(plan);
    std::string lines;
    for (int row = 0; plan.ok() && row < plan->rows(); ++row) {
      lines += std::string(plan->Text(row, 0)) + "\n";
    }
    return lines;
  }
  /// How often the server has looked into indexes of vectors, so far.
  std::int64_t IndexScans() {
    const Result<std::unique_ptr<PostgresConnection>> session = Session();
    EXPECT_OK(session);
    EXPECT_OK((*session)->Execute("SELECT pg_stat_force_next_flush()"));
    const auto scans = (*session)->Query(
        "SELECT sum(pg_stat_get_numscans(indexrelid))::bigint FROM pg_index"
        " WHERE indrelid = 'records'::regclass"
        " AND pg_get_indexdef(indexrelid) LIKE '%USING hnsw%'");
    EXPECT_OK(scans);
    return scans.ok() ? *scans->Integer(0, 0) : -1;
  }
  /// What the session, which is one for all, has prepared for searches by an index: how many
  /// statements, and how often each kind of plan was used.
  struct Plans {
    std::int64_t statements = 0;
    std::int64_t kept = 0;
    std::int64_t own = 0;  ///< made for the values of one search

    bool operator==(const Plans&) const = default;
  };
  Plans PreparedSearches() {
    const Result<std::unique_ptr<PostgresConnection>> session = Session();
    EXPECT_OK(session);
    const auto found = (*session)->Query(
        "SELECT count(*), coalesce(sum(generic_plans), 0)::bigint,"
        " coalesce(sum(custom_plans), 0)::bigint FROM pg_prepared_statements"
        " WHERE statement LIKE '%ORDER BY embedding::%'");
    EXPECT_OK(found);
    return {.statements = *found->Integer(0, 0),
            .kept = *found->Integer(0, 1),
            .own = *found->Integer(0, 2)};
  }
  void Forget(const std::string& what) {
    const Result<std::unique_ptr<PostgresConnection>> session = Session();
    ASSERT_OK(session);
    ASSERT_OK((*session)->Execute(what));
  }
  Result<std::unique_ptr<PostgresConnection>> Session() {
    const Uri uri = *Uri::Parse(Server().Uri(Schema()));
    EDB_ASSIGN(const PostgresLocation location, PostgresLocation::FromUri(uri, *test_.env));
    return PostgresConnection::Open(location);
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

constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kInnerProduct};

// Each is proved twice: by the plan of the very statement, and by the server's count of its scans.
TEST_F(PostgresVector, TheIndexIsUsedByEveryMetricLengthAndFilter) {
  for (const Metric metric : kMetrics) {
    Open(Concat("&index=hnsw&metric=", MetricName(metric)));
    for (const int dimension : {6, kMaxVectorIndexColumns + 1, kMaxHalfvecIndexColumns}) {
      SCOPED_TRACE(Concat(MetricName(metric), " ", dimension));
      const std::string model = Concat("it's ", MetricName(metric), " ", dimension);
      ASSERT_OK(db_->AddBatch(Many(model, dimension, dimension > 6 ? 40 : 300)));
      const PostgresOrder order = PostgresIndexOrder({.metric = metric, .dimension = dimension});
      const SimilarQuery bare = {.model = model, .embedding = Coarse(dimension), .k = 5};
      SimilarQuery filtered = bare;
      filtered.provider = "p1";
      filtered.filters = {{Column::kAttribute, "common", "kind"}};
      filtered.exclude = {"d0", "d20"};
      filtered.exclude_record = Key{"p1", "d10", model};
      SimilarQuery excluding = filtered;
      excluding.provider.reset();
      excluding.filters.clear();
      for (const SimilarQuery& query : {bare, filtered, excluding}) {
        EXPECT_THAT(Explain(order, query, IndexMode::kHnsw),
                    AllOf(HasSubstr(Concat("Index Scan using hnsw_", MetricName(metric), "_",
                                           dimension, "_")),
                          Not(HasSubstr("Sort"))));
        const std::int64_t before = IndexScans();
        ASSERT_OK(db_->Similar(query));
        EXPECT_GT(IndexScans(), before);
      }
    }
  }
}

// The canary of the test above: what differs from the index in the least has no such plan.
TEST_F(PostgresVector, AnotherExpressionThanTheIndexsIsNotServedByIt) {
  Open("&index=hnsw");
  Add(Many("m", 6, 300));
  const SimilarQuery query = {.model = "m", .embedding = Coarse(6), .k = 5};
  const PostgresIndexKind kind = {.metric = Metric::kL2, .dimension = 6};
  EXPECT_THAT(Explain(PostgresIndexOrder(kind), query, IndexMode::kHnsw), HasSubstr("hnsw_l2"));
  for (const std::string& key :
       {PostgresIndexOrder({.metric = Metric::kCosine, .dimension = 6}).key,
        std::string("embedding::vector <-> $1::vector(6)"),
        std::string("embedding::halfvec(6) <-> $1::vector::halfvec(6)"),
        Concat("(", PostgresIndexOrder(kind).key, ") + 0")}) {
    SCOPED_TRACE(key);
    EXPECT_THAT(Explain({.key = key, .vector = ""}, query, IndexMode::kHnsw),
                Not(HasSubstr("hnsw_")));
  }
  const auto all = PostgresOperatorOrder(kind, query.embedding);
  EXPECT_THAT(Explain(*all, query, IndexMode::kHnsw), Not(HasSubstr("hnsw_")));
  const std::int64_t before = IndexScans();
  ASSERT_OK(db_->Similar({.model = "m", .embedding = Coarse(6), .k = 5, .exact = true}));
  Open("&index=exact");
  ASSERT_OK(db_->Similar(query));
  EXPECT_EQ(IndexScans(), before);
}

// With index=auto nothing is forced: the server has to find the index cheaper by itself, at the
// size from which it is made.
TEST_F(PostgresVector, WithoutForceTheServerTakesTheIndexOfALargerModel) {
  constexpr int kRecords = 20'001;
  Open("&index=auto");
  const std::vector<Record> records = Many("m", 3, kRecords);
  for (std::span<const Record> rest = records; !rest.empty();) {
    const std::size_t count = std::min<std::size_t>(rest.size(), 7'000);
    ASSERT_OK(db_->AddBatch(rest.first(count)));
    rest = rest.subspan(count);
  }
  const auto done = db_->Reindex("m", {});
  ASSERT_OK(done);
  ASSERT_TRUE(done->at(0).indexed);
  SimilarQuery query = {.model = "m", .embedding = {0.25F, 0, 0.25F}, .k = 5};
  const PostgresOrder order = PostgresIndexOrder({.metric = Metric::kL2, .dimension = 3});
  EXPECT_THAT(Explain(order, query, IndexMode::kAuto), HasSubstr("Index Scan using hnsw_l2_3_"));
  query.filters = {{Column::kAttribute, "common", "kind"}};
  EXPECT_THAT(Explain(order, query, IndexMode::kAuto), HasSubstr("Index Scan using hnsw_l2_3_"));
}

// The server makes five plans of its own accord before it keeps one; from then on a search of a
// model is neither parsed nor planned again, whatever its vector and what it leaves out.
TEST_F(PostgresVector, ASearchByAnIndexIsPlannedOnce) {
  Forget("DEALLOCATE ALL");
  for (const std::string mode : {"hnsw", "auto"}) {
    SCOPED_TRACE(mode);
    Open("&index=hnsw");
    const std::string model = "it's E'\\' " + mode;
    std::vector<Record> records = Many(model, 6, 300);
    for (std::size_t i = 0; i < records.size(); ++i) {  // ties would be asked about
      records[i].embedding[0] += 1e-4F * static_cast<float>(i);
    }
    Add(records);
    db_ = *test_.Open(Server().Uri(Schema()) + "&index=" + mode);
    SimilarQuery query = {.model = model, .embedding = Coarse(6), .k = 5, .max_distance = 0.0F};
    const Plans none = PreparedSearches();
    for (int i = 0; i < 8; ++i) {
      query.embedding = Coarse(6);
      query.exclude_record = Key{"p1", Concat("d", i), model};
      EXPECT_EQ(db_->Similar(query)->size(), 5U);
    }
    const Plans warm = PreparedSearches();
    EXPECT_GT(warm.statements, none.statements);
    EXPECT_GT(warm.kept, none.kept);
    const std::int64_t scans = IndexScans();
    for (int i = 0; i < 4; ++i) {
      query.embedding = {0.3F, 0.01F * static_cast<float>(i), 0.2F, -0.4F, 0.17F, 0.11F};
      EXPECT_EQ(db_->Similar(query)->size(), 5U);
    }
    EXPECT_EQ(PreparedSearches(), (Plans{warm.statements, warm.kept + 4, warm.own}));
    if (mode == "hnsw") {  // auto compares so few as the server likes
      EXPECT_EQ(IndexScans(), scans + 4);
    }
    // A rare value is better served by another plan, so filters are planned as they come.
    query.provider = "p1";
    EXPECT_EQ(db_->Similar(query)->size(), 5U);
    EXPECT_EQ(PreparedSearches().statements, warm.statements);
  }
}

// A server or a proxy that has forgotten what was prepared has forgotten all settings too.
TEST_F(PostgresVector, ASessionThatForgotWhatItPreparedIsReplaced) {
  Open("&index=hnsw");
  Add(Many("m", 6, 100));
  db_ = *test_.Open(Server().Uri(Schema()) + "&index=auto");
  const SimilarQuery query = {.model = "m", .embedding = Coarse(6), .k = 50, .max_distance = 0.0F};
  const Record record = MakeRecord("p", "far", "m", std::vector<float>(6, 50));
  const std::vector<std::function<void()>> calls = {
      [&] { ExpectSame(query); },
      [&] { EXPECT_OK(db_->Add(record)); },
      [&] { EXPECT_OK(db_->Get(record.key)); },
      [&] { EXPECT_OK(db_->Remove(record.key)); },
  };
  for (const std::string what : {"DEALLOCATE ALL", "DISCARD ALL"}) {
    for (std::size_t next = 0; next < calls.size(); ++next) {
      SCOPED_TRACE(Concat(what, " before call ", next));
      for (const auto& call : calls) {  // prepares all there is
        call();
      }
      EXPECT_OK(db_->Add(record));
      Forget(what);
      calls[next]();
      EXPECT_OK(db_->Remove(record.key));
    }
  }
}

// What a database remembers of a model may be wrong by now: others have emptied it, filled it with
// vectors of another length, or dropped its index.
TEST_F(PostgresVector, WhatIsRememberedOfAModelIsNotTrusted) {
  Open("&index=hnsw");
  Add(Many("m", 6, 100));
  db_ = *test_.Open(Server().Uri(Schema()) + "&index=auto");  // which remembers
  const SimilarQuery query = {.model = "m", .embedding = Coarse(6), .k = 100, .max_distance = 0.0F};
  for (int i = 0; i < 3; ++i) {
    ExpectSame(query);
  }
  const std::unique_ptr<Database> other = *test_.Open(Server().Uri(Schema()) + "&index=exact");
  const Result<std::vector<Record>> all = ScanAll(*other);
  ASSERT_OK(all);
  for (const Record& record : *all) {
    ASSERT_OK(other->Remove(record.key));
  }
  EXPECT_TRUE(db_->Similar(query)->empty());
  ASSERT_OK(other->Add(MakeRecord("p", "longer", "m", {1, 2, 3, 4, 5, 6, 7})));
  EXPECT_FAILS(db_->Similar(query), kInvalidArgument, "7");
  EXPECT_EQ(db_->Similar({.model = "m", .embedding = {1, 2, 3, 4, 5, 6, 7}})->size(), 1U);
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

TEST_F(PostgresVector, HalvesFindWhatComparingAllFinds) {
  constexpr int kDimension = kMaxVectorIndexColumns + 1;
  for (const Metric metric : kMetrics) {
    SCOPED_TRACE(MetricName(metric));
    Open(Concat("&index=hnsw&metric=", MetricName(metric)));
    const std::string model = Concat("m-", MetricName(metric));
    Add(Many(model, kDimension, 120));
    const std::int64_t before = IndexScans();
    std::size_t wanted = 0;
    std::size_t found = 0;
    for (int i = 0; i < 6; ++i) {
      SimilarQuery query = {
          .model = model, .embedding = Coarse(kDimension), .k = 10, .max_distance = 0.0F};
      query.provider = i % 2 == 0 ? std::optional<std::string>("p1") : std::nullopt;
      const auto near = db_->Similar(query);
      const auto exact = model_->Similar(query);
      ASSERT_OK(near);
      ASSERT_EQ(near->size(), 10U);
      wanted += exact->size();
      for (const SimilarRecord& record : *exact) {
        found += std::ranges::count(*near, record) > 0 ? 1U : 0U;
      }
    }
    EXPECT_GE(IndexScans(), before + 6);
    EXPECT_GE(found * 100, wanted * 95);
    // What is to be exact compares float32, whatever the index holds.
    ExpectSame({.model = model,
                .embedding = Coarse(kDimension),
                .k = 10,
                .max_distance = 0.0F,
                .exact = true});
  }
}

// Halves cannot tell these apart; more of them are asked for until what is left is farther.
TEST_F(PostgresVector, WhatHalvesCannotTellApartIsDecidedByFloats) {
  constexpr int kDimension = kMaxVectorIndexColumns + 1;
  for (const Metric metric : kMetrics) {
    SCOPED_TRACE(MetricName(metric));
    Open(Concat("&index=hnsw&metric=", MetricName(metric)));
    const std::string model = Concat("m-", MetricName(metric));
    std::vector<Record> records = Many(model, kDimension, 90);
    const std::vector<float> near = Coarse(kDimension);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].embedding = near;
      records[i].embedding[0] = 1 + 0x1p-20F * static_cast<float>((i * 37) % records.size());
    }
    Add(records);
    SimilarQuery query = {.model = model, .embedding = near, .k = 10, .max_distance = 0.0F};
    query.embedding[0] = 1;
    ExpectSame(query);
  }
}

TEST_F(PostgresVector, NumbersBeyondHalvesAreRefusedByTheIndexAndNoSearchFails) {
  constexpr int kDimension = kMaxVectorIndexColumns + 1;
  Open("&index=hnsw");
  std::vector<Record> records = Many("m", kDimension, 40);
  records[0].embedding[7] = 65'504.0F;
  Add(records);
  std::vector<float> beyond = Coarse(kDimension);
  beyond[3] = -70'000.0F;
  // The batch is refused as a whole, by name of the number and the type that cannot hold it.
  const Record record = MakeRecord("p", "beyond", "m", beyond);
  EXPECT_FAILS(db_->Add(record), kFailedPrecondition,
               "\"-70000\" is out of range for type halfvec");
  EXPECT_EQ(*db_->Count({}), 40);
  // A query is not stored: all are compared.
  ExpectSame({.model = "m", .embedding = beyond, .k = 7, .max_distance = 0.0F});
  ExpectSame({.model = "m", .embedding = records[0].embedding, .k = 1, .max_distance = 0.0F});
  // Where such a number is there first, the model has no index and is compared as a whole.
  Open("&index=exact");
  records.clear();
  records.push_back(MakeRecord("p", "beyond", "big", beyond));
  records.push_back(MakeRecord("p", "other", "big", Coarse(kDimension)));
  Add(records);
  Open("&index=hnsw");
  Add(Many("m", kDimension, 40));  // the model's own copy, which was opened anew
  model_->AddBatch(records).status().IgnoreError("the same");
  EXPECT_FAILS(db_->Reindex("big", {}), kFailedPrecondition, "out of range for type halfvec");
  EXPECT_EQ(Stats(0).search, SearchKind::kExact);
  ExpectSame({.model = "big", .embedding = beyond, .k = 2, .max_distance = 0.0F});
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
