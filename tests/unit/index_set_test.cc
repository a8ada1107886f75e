// SPDX-License-Identifier: BSD-3-Clause
#include "index/index_set.h"

#include <atomic>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "support/records.h"
#include "support/shelved_index.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;

constexpr float kNoLimit = std::numeric_limits<float>::infinity();

Key KeyOf(std::string provider, std::string depiction_id, std::string model = "m") {
  return {std::move(provider), std::move(depiction_id), std::move(model)};
}

/// Loads `model` with nothing in it.
Status LoadEmpty(ShelvedIndex& set, std::string_view model, int dimension) {
  return set.Load(model, dimension, [](const IndexSet::RowSink&) { return Status(); });
}

/// A batch of one row.
Status AddOne(ShelvedIndex& set, const Key& key, RowId row, const Vector& vector) {
  const IndexRow one{.key = &key, .row = row, .replaced = {}, .vector = vector};
  return set.AddBatch({&one, 1});
}

/// What a search finds, as "provider/depiction_id" in order.
std::vector<std::string> Names(const Result<std::vector<IndexHit>>& hits) {
  std::vector<std::string> names;
  EXPECT_OK(hits);
  if (!hits.ok()) {
    return names;
  }
  for (const IndexHit& hit : *hits) {
    names.push_back(hit.key.provider + "/" + hit.key.depiction_id);
  }
  return names;
}

using List = std::vector<std::string>;

/// Model "m": rows at 0, 1, 2 from provider b, and at 0, 1 from provider a; added in that order.
class IndexSetOfFive : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(set_.Load("m", 1, [](const IndexSet::RowSink& sink) -> Status {
      EDB_TRY(sink({1, "b", "zero", Vector{0}}));
      EDB_TRY(sink({2, "b", "one", Vector{1}}));
      EDB_TRY(sink({3, "b", "two", Vector{2}}));
      EDB_TRY(sink({4, "a", "zero", Vector{0}}));
      return sink({5, "a", "one", Vector{1}});
    }));
  }

  const Vector origin_ = {0};
  ShelvedIndex set_{{.metric = Metric::kL2}};
};

TEST_F(IndexSetOfFive, OrdersByDistanceThenProviderThenDepiction) {
  const auto hits = set_.Search("m", {.embedding = origin_, .max_distance = kNoLimit});
  EXPECT_EQ(Names(hits), (List{"a/zero", "b/zero", "a/one", "b/one", "b/two"}));
  EXPECT_EQ(hits->front().row, 4);
  EXPECT_EQ(hits->front().key, KeyOf("a", "zero"));
  EXPECT_EQ(hits->back().distance, 2.0F);
}

TEST_F(IndexSetOfFive, CutsTiesAtKByKey) {
  EXPECT_EQ(Names(set_.Search("m", {.embedding = origin_, .k = 3, .max_distance = kNoLimit})),
            (List{"a/zero", "b/zero", "a/one"}));
}

TEST_F(IndexSetOfFive, TakesTheMaximalDistanceAsIncluded) {
  EXPECT_EQ(Names(set_.Search("m", {.embedding = origin_, .max_distance = 1})),
            (List{"a/zero", "b/zero", "a/one", "b/one"}));
  EXPECT_EQ(Names(set_.Search("m", {.embedding = origin_, .max_distance = 0})),
            (List{"a/zero", "b/zero"}));
}

TEST_F(IndexSetOfFive, FiltersByProviderInsideTheSearch) {
  EXPECT_EQ(Names(set_.Search(
                "m", {.embedding = origin_, .k = 2, .max_distance = kNoLimit, .provider = "b"})),
            (List{"b/zero", "b/one"}));
  EXPECT_EQ(Names(set_.Search(
                "m", {.embedding = origin_, .max_distance = kNoLimit, .provider = "nobody"})),
            List{});
}

TEST_F(IndexSetOfFive, ExcludesDepictionsOfEveryProvider) {
  const List exclude = {"zero", "absent", "one", "zero"};
  EXPECT_EQ(
      Names(set_.Search("m", {.embedding = origin_, .max_distance = kNoLimit, .exclude = exclude})),
      List{"b/two"});
}

TEST_F(IndexSetOfFive, ExcludesOneRecordOnly) {
  const Key key = KeyOf("b", "zero");
  EXPECT_EQ(
      Names(set_.Search(
          "m", {.embedding = origin_, .k = 2, .max_distance = kNoLimit, .exclude_record = &key})),
      (List{"a/zero", "a/one"}));
  const Key elsewhere = KeyOf("b", "zero", "other");
  EXPECT_EQ(
      Names(set_.Search(
          "m",
          {.embedding = origin_, .k = 2, .max_distance = kNoLimit, .exclude_record = &elsewhere})),
      (List{"a/zero", "b/zero"}));
}

TEST_F(IndexSetOfFive, ReplacesARowByANewOne) {
  const Key key = KeyOf("b", "two");
  const Vector vector = {0.5F};
  const IndexRow row{.key = &key, .row = 6, .replaced = 3, .vector = vector};
  ASSERT_OK(set_.AddBatch({&row, 1}));
  EXPECT_EQ(set_.size("m"), 5U);
  const auto hits = set_.Search("m", {.embedding = origin_, .max_distance = kNoLimit});
  EXPECT_EQ(Names(hits), (List{"a/zero", "b/zero", "b/two", "a/one", "b/one"}));
  EXPECT_EQ((*hits)[2].row, 6);
}

TEST_F(IndexSetOfFive, ForgetsRemovedRows) {
  set_.Remove("m", 4);
  set_.Remove("m", 4);
  set_.Remove("absent", 1);
  EXPECT_EQ(set_.size("m"), 4U);
  EXPECT_EQ(Names(set_.Search("m", {.embedding = origin_, .k = 1, .max_distance = kNoLimit})),
            List{"b/zero"});
}

TEST_F(IndexSetOfFive, RefusesAQueryOfAnotherLengthNamingBoth) {
  EXPECT_FAILS(set_.Search("m", {.embedding = Vector{1, 2, 3}}), kInvalidArgument,
               "query has 3 elements, but the vectors of model \"m\" have 1");
}

TEST_F(IndexSetOfFive, RefusesAVectorOfAnotherLengthWhileItHasRows) {
  EXPECT_FAILS(AddOne(set_, KeyOf("a", "long"), 9, Vector{1, 2}), kInvalidArgument, "2 elements");
  EXPECT_EQ(set_.size("m"), 5U);
}

TEST_F(IndexSetOfFive, AddsABatchOverSeveralModels) {
  ASSERT_OK(LoadEmpty(set_, "n", 2));
  const Key m = KeyOf("c", "m1");
  const Key n = KeyOf("c", "n1", "n");
  const Key unloaded = KeyOf("c", "u1", "u");
  const Vector one = {3};
  const Vector two = {4, 5};
  const std::vector<IndexRow> rows = {
      {&m, 10, {}, one}, {&unloaded, 11, {}, two}, {&n, 12, {}, two}, {&m, 13, 10, one}};
  ASSERT_OK(set_.AddBatch(rows));
  EXPECT_EQ(set_.size("m"), 6U);
  EXPECT_EQ(set_.size("n"), 1U);
  EXPECT_FALSE(set_.set().IsLoaded("u"));
}

TEST(IndexSet, SearchesLoadedModelsOnly) {
  ShelvedIndex set({.metric = Metric::kL2});
  EXPECT_FALSE(set.set().IsLoaded("m"));
  EXPECT_FAILS(set.Search("m", {.embedding = Vector{1}}), kFailedPrecondition, "\"m\"");
  ASSERT_OK(AddOne(set, KeyOf("a", "1"), 1, Vector{1}));
  EXPECT_FALSE(set.set().IsLoaded("m"));
  ASSERT_OK(LoadEmpty(set, "m", 1));
  ASSERT_OK(LoadEmpty(set, "n", 1));
  set.set().Unload("m");
  EXPECT_FALSE(set.set().IsLoaded("m"));
  EXPECT_TRUE(set.set().IsLoaded("n"));
  set.set().Clear();
  EXPECT_FALSE(set.set().IsLoaded("n"));
}

TEST(IndexSet, StaysUnloadedWhenLoadingFails) {
  ShelvedIndex set({.metric = Metric::kL2});
  EXPECT_FAILS(set.Load("m", 1,
                        [](const IndexSet::RowSink& sink) -> Status {
                          EDB_TRY(sink({1, "a", "1", Vector{1}}));
                          return DataLossError("torn page");
                        }),
               kDataLoss, "torn page");
  EXPECT_FAILS(
      set.Load("m", 2,
               [](const IndexSet::RowSink& sink) { return sink({1, "a", "1", Vector{1}}); }),
      kInvalidArgument, "1 elements, but the index has 2");
  EXPECT_FAILS(LoadEmpty(set, "m", 0), kInvalidArgument, "is 0");
  EXPECT_FALSE(set.set().IsLoaded("m"));
}

TEST(IndexSet, TakesAnotherLengthOnceAModelIsEmpty) {
  ShelvedIndex set({.metric = Metric::kL2});
  ASSERT_OK(LoadEmpty(set, "m", 1));
  ASSERT_OK(AddOne(set, KeyOf("a", "1"), 1, Vector{1}));
  set.Remove("m", 1);
  EXPECT_EQ(Names(set.Search("m", {.embedding = Vector{1, 2}, .max_distance = kNoLimit})), List{});
  ASSERT_OK(AddOne(set, KeyOf("a", "1"), 2, Vector{1, 2}));
  EXPECT_EQ(Names(set.Search("m", {.embedding = Vector{1, 2}, .max_distance = kNoLimit})),
            List{"a/1"});
}

TEST(IndexSet, KeepsModelsApart) {
  ShelvedIndex set({.metric = Metric::kCosine});
  ASSERT_OK(LoadEmpty(set, "m", 2));
  ASSERT_OK(LoadEmpty(set, "n", 3));
  ASSERT_OK(AddOne(set, KeyOf("a", "1"), 1, Vector{1, 2}));
  ASSERT_OK(AddOne(set, KeyOf("a", "2", "n"), 2, Vector{1, 2, 3}));
  EXPECT_EQ(Names(set.Search("n", {.embedding = Vector{3, 2, 1}, .max_distance = 2})), List{"a/2"});
  EXPECT_GT(set.set().memory_bytes(), 0U);
}

// Every search sees whole batches: pairs of rows at one distance come and go together.
TEST(IndexSet, SearchesAndChangesTogether) {
  ShelvedIndex set({.metric = Metric::kL2});
  ASSERT_OK(LoadEmpty(set, "m", 4));
  std::atomic<bool> done = false;
  std::atomic<int> searches = 0;
  std::thread searcher([&] {
    while (!done.load()) {
      const auto hits =
          set.Search("m", {.embedding = Vector{0, 0, 0, 0}, .k = 1'000, .max_distance = kNoLimit});
      EXPECT_OK(hits);
      EXPECT_EQ(hits->size() % 2, 0U);
      EXPECT_EQ(set.size("n"), 0U);
      ++searches;
    }
  });
  for (RowId row = 0; row < 400; row += 2) {
    const Key left = KeyOf("left", std::to_string(row));
    const Key right = KeyOf("right", std::to_string(row));
    const Vector vector(4, static_cast<float>(row));
    const std::vector<IndexRow> pair = {{&left, row, {}, vector}, {&right, row + 1, {}, vector}};
    EXPECT_OK(set.AddBatch(pair));
    for (const int before = searches; row % 40 == 0 && searches == before;) {
      std::this_thread::yield();
    }
  }
  done.store(true);
  searcher.join();
  EXPECT_EQ(set.size("m"), 400U);
}

}  // namespace
}  // namespace embeddingsdb
