// SPDX-License-Identifier: BSD-3-Clause
//
// Similar: k rows whenever k rows match, in the right order, at the right distance.
#include <cmath>
#include <limits>

#include "conformance/engines_under_test.h"

namespace embeddingsdb {
namespace {

class Similar : public EngineTest {
 protected:
  std::vector<std::string> Ids(const SimilarQuery& query) {
    const auto found = db_->Similar(query);
    EXPECT_OK(found);
    std::vector<std::string> ids;
    if (!found.ok()) {
      return ids;
    }
    for (const SimilarRecord& record : *found) {
      ids.push_back(record.key.depiction_id);
    }
    return ids;
  }
  /// Points 0, 1, 2, ... on a line, alternating between providers p0 and p1.
  void FillLine(int count) {
    std::vector<Record> batch;
    for (int i = 0; i < count; ++i) {
      batch.push_back(MakeRecord("p" + std::to_string(i % 2), "d" + std::to_string(i), "m",
                                 {static_cast<float>(i), 0}));
    }
    ASSERT_OK(db_->AddBatch(batch));
  }
};
EDB_FOR_ALL_ENGINES(Similar);
EDB_FOR_ALL_SERVICES(Similar);

using Names = std::vector<std::string>;

TEST_P(Similar, DistanceIsEuclideanAndTheDefaultLimitIsOne) {
  Add(MakeRecord("p", "east", "m", {1, 0}));
  Add(MakeRecord("p", "north", "m", {0, 1}));
  EXPECT_EQ(Ids({.model = "m", .embedding = {1, 0}}), Names{"east"});
  const auto found = db_->Similar({.model = "m", .embedding = {1, 0}, .max_distance = 0.0F});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].distance, 0.0F);
  EXPECT_EQ((*found)[1].distance, 1.4142135F);
}

TEST_P(Similar, ReturnsTheWholeAnswerButTheVector) {
  Record record = MakeRecord("p", "d", "m", {1, 0});
  record.attributes = {{"preview", "data:image/png;base64,AA=="}, {"subject_title", "T"}};
  Add(record);
  const auto found = db_->Similar({.model = "m", .embedding = {1, 0}});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ((*found)[0].key, record.key);
  EXPECT_EQ((*found)[0].subject_id, record.subject_id);
  EXPECT_EQ((*found)[0].attributes, record.attributes);
}

TEST_P(Similar, RequestsOverrideTheDefaultsBothWays) {
  FillLine(30);
  const SimilarQuery base = {.model = "m", .embedding = {0, 0}};
  EXPECT_EQ(Ids(base).size(), 2U) << "max-distance 1.0 is inclusive";
  SimilarQuery wide = base;
  wide.max_distance = 100.0F;
  EXPECT_EQ(Ids(wide).size(), 10U) << "max-results defaults to 10";
  wide.k = 25;
  EXPECT_EQ(Ids(wide).size(), 25U);
  wide.max_distance = 4.5F;
  EXPECT_EQ(Ids(wide), (Names{"d0", "d1", "d2", "d3", "d4"}));
  OpenWith("&max-results=3&max-distance=7");
  if (*db_->Count({}) == 0) {
    FillLine(30);
  }
  EXPECT_EQ(Ids(base), (Names{"d0", "d1", "d2"}));
  EXPECT_EQ(Ids(wide), (Names{"d0", "d1", "d2", "d3", "d4"}));
}

TEST_P(Similar, ZeroOrNegativeMaxDistanceMeansNoLimit) {
  FillLine(5);
  EXPECT_EQ(Ids({.model = "m", .embedding = {0, 0}, .max_distance = 0.0F}).size(), 5U);
  EXPECT_EQ(Ids({.model = "m", .embedding = {0, 0}, .max_distance = -1.0F}).size(), 5U);
}

TEST_P(Similar, FiltersAreInsideTheSearchSoKRowsComeBack) {
  FillLine(40);
  Add(MakeRecord("rare", "r1", "m", {500, 0}));
  Add(MakeRecord("rare", "r2", "m", {600, 0}));
  const SimilarQuery query = {.model = "m",
                              .embedding = {0, 0},
                              .k = 4,
                              .max_distance = 0.0F,
                              .provider = "p1",
                              .exclude = {"d1", "d5", "d0"}};
  EXPECT_EQ(Ids(query), (Names{"d3", "d7", "d9", "d11"}));
  SimilarQuery rare = query;
  rare.provider = "rare";
  EXPECT_EQ(Ids(rare), (Names{"r1", "r2"})) << "a provider behind 40 nearer records";
  rare.provider = "nobody";
  EXPECT_EQ(Ids(rare), Names{});
}

TEST_P(Similar, ExcludeMeansDepictionIdWhoeverProvidesIt) {
  Add(MakeRecord("a", "same", "m", {1}));
  Add(MakeRecord("b", "same", "m", {1}));
  Add(MakeRecord("c", "other", "m", {1}));
  EXPECT_EQ(Ids({.model = "m", .embedding = {1}, .exclude = {"same"}}), Names{"other"});
}

TEST_P(Similar, ExactDuplicatesAreFoundAndTiesAreOrderedByKey) {
  for (const char* provider : {"c", "a", "b"}) {
    for (const char* id : {"y", "x"}) {
      Add(MakeRecord(provider, id, "m", {3, 4}));
    }
  }
  const auto found = db_->Similar({.model = "m", .embedding = {3, 4}, .k = 5});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 5U);
  std::string order;
  for (const SimilarRecord& record : *found) {
    EXPECT_EQ(record.distance, 0.0F);
    order += record.key.provider + record.key.depiction_id + " ";
  }
  EXPECT_EQ(order, "ax ay bx by cx ");
}

TEST_P(Similar, ByIdLeavesOutTheRecordItselfOnly) {
  Add(MakeRecord("a", "same", "m", {1, 1}));
  Add(MakeRecord("b", "same", "m", {1, 1}));
  Add(MakeRecord("a", "copy", "m", {1, 1}));
  const auto found = db_->SimilarById({.key = {"a", "same", "m"}});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].key, (Key{"a", "copy", "m"}));
  EXPECT_EQ((*found)[1].key, (Key{"b", "same", "m"}));
  EXPECT_FAILS(db_->SimilarById({.key = {"a", "absent", "m"}}), kNotFound, "absent");
}

TEST_P(Similar, ModelsAreSeparateSpaces) {
  Add(MakeRecord("p", "d", "m", {1, 0}));
  Add(MakeRecord("p", "d", "n", {1, 0}));
  Add(MakeRecord("p", "d", "wide", {1, 0, 0}));
  const auto found = db_->Similar({.model = "n", .embedding = {1, 0}});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ((*found)[0].key.model, "n");
}

TEST_P(Similar, AModelWithoutRecordsHasNoNeighbours) {
  EXPECT_EQ(Ids({.model = "none", .embedding = {1, 2}}), Names{});
}

TEST_P(Similar, AQueryOfAnotherLengthIsRefusedByName) {
  Add(MakeRecord("p", "d", "m", {1, 0, 0}));
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1, 0}}), kInvalidArgument, "have 3");
}

TEST_P(Similar, BadQueriesAreRefusedByName) {
  Add(MakeRecord("p", "d", "m", {1, 0}));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FAILS(db_->Similar({.model = "", .embedding = {1, 0}}), kInvalidArgument, "model");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {}}), kInvalidArgument, "embeddings");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {nan, 0}}), kInvalidArgument,
               "embeddings[0]");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1, 0}, .k = 0}), kInvalidArgument, "0");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1, 0}, .k = kMaxResults + 1}),
               kInvalidArgument, "1000");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1, 0}, .max_distance = nan}),
               kInvalidArgument, "max_distance");
  EXPECT_FAILS(db_->Similar({.model = "m", .embedding = {1, 0}, .provider = "\x01"}),
               kInvalidArgument, "provider");
  SimilarQuery crowded = {.model = "m", .embedding = {1, 0}};
  crowded.exclude.assign(kMaxExclude + 1, "x");
  EXPECT_FAILS(db_->Similar(crowded), kInvalidArgument, "exclude");
}

TEST_P(Similar, ChangesAreSeenAtOnce) {
  FillLine(5);
  const SimilarQuery query = {.model = "m", .embedding = {0, 0}, .k = 2, .max_distance = 0.0F};
  EXPECT_EQ(Ids(query), (Names{"d0", "d1"}));
  Add(MakeRecord("p9", "new", "m", {0.1F, 0}));
  EXPECT_EQ(Ids(query), (Names{"d0", "new"}));
  Add(MakeRecord("p0", "d0", "m", {50, 0}));
  EXPECT_EQ(Ids(query), (Names{"new", "d1"}));
  ASSERT_OK(db_->Remove({"p9", "new", "m"}));
  EXPECT_EQ(Ids(query), (Names{"d1", "d2"}));
}

TEST_P(Similar, DistancesStayRightAtTheEdgesOfFloat) {
  const float huge = std::numeric_limits<float>::max();
  Add(MakeRecord("p", "huge", "m", {huge, huge}));
  Add(MakeRecord("p", "minus", "m", {-huge, huge}));
  Add(MakeRecord("p", "tiny", "m", {1e-45F, 0}));
  const auto found = db_->Similar({.model = "m", .embedding = {huge, huge}, .max_distance = 0.0F});
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 3U) << "an infinite distance still is one";
  EXPECT_EQ((*found)[0].key.depiction_id, "huge");
  EXPECT_EQ((*found)[0].distance, 0.0F);
  for (const SimilarRecord& record : *found) {
    EXPECT_FALSE(std::isnan(record.distance));
  }
}

class SimilarMetrics : public EngineTest {};
EDB_FOR_ALL_ENGINES(SimilarMetrics);

TEST_P(SimilarMetrics, CosineAndInnerProductAreWhatTheySay) {
  struct Case {
    const char* metric;
    float near;
    float far;
  };
  for (const Case& c : {Case{"cosine", 0.0F, 1.0F}, Case{"ip", -1.0F, 1.0F}}) {
    const std::string uri = GetParam().uri(folder_.File(c.metric));
    ASSERT_OK(test_.env->MakeDirectories(folder_.File(c.metric)));
    // An option is given once, so the table's own metric gives way here.
    Uri parsed = *Uri::Parse(uri);
    parsed.SetOption("metric", c.metric);
    Result<std::unique_ptr<Database>> db = test_.Open(parsed.Serialize());
    ASSERT_OK(db);
    ASSERT_OK((*db)->Add(MakeRecord("p", "along", "m", {2, 0})));
    ASSERT_OK((*db)->Add(MakeRecord("p", "across", "m", {0, 3})));
    ASSERT_OK((*db)->Add(MakeRecord("p", "zero", "m", {0, 0})));
    const auto found = (*db)->Similar({.model = "m", .embedding = {1, 0}, .max_distance = 100.0F});
    ASSERT_OK(found);
    ASSERT_EQ(found->size(), 3U);
    EXPECT_EQ((*found)[0].key.depiction_id, "along");
    EXPECT_FLOAT_EQ((*found)[0].distance, c.near);
    EXPECT_EQ((*found)[1].key.depiction_id, "across");
    EXPECT_FLOAT_EQ((*found)[1].distance, c.far);
    EXPECT_EQ((*found)[2].key.depiction_id, "zero");
    EXPECT_FLOAT_EQ((*found)[2].distance, 1.0F);
  }
}

}  // namespace
}  // namespace embeddingsdb
