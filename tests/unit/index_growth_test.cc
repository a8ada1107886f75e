// SPDX-License-Identifier: BSD-3-Clause
//
// The index set of models large enough for a graph: what is found while it grows, and afterwards.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/text.h"
#include "index/distance.h"
#include "index/index_set.h"
#include "support/records.h"
#include "support/shelved_index.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;
using List = std::vector<std::string>;
constexpr int kDimension = 16;
constexpr std::size_t kProviders = 20;

List Names(const Result<std::vector<IndexHit>>& hits) {
  List names;
  EXPECT_OK(hits);
  for (const IndexHit& hit : hits.ok() ? *hits : std::vector<IndexHit>()) {
    names.push_back(hit.key.depiction_id);
  }
  return names;
}

/// Random rows, ten of a cluster, and what is true of them.
class GrowthTest : public ::testing::TestWithParam<Precision> {
 protected:
  struct Row {
    RowId id = 0;
    Key key;
    Vector vector;
  };

  void SetUp() override {
    ASSERT_OK(set_.Load("m", kDimension, [](const IndexSet::RowSink&) { return Status(); }));
  }

  void Add(std::size_t count) {
    std::normal_distribution<float> gauss;
    std::vector<IndexRow> batch;
    const std::size_t first = rows_.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 10 == 0) {
        centre_.resize(kDimension);
        std::generate(centre_.begin(), centre_.end(), [&] { return gauss(random_); });
      }
      Row row{.id = ++last_id_,
              .key = {Concat("p", random_() % kProviders), Concat("d", last_id_), "m"},
              .vector = centre_};
      for (float& element : row.vector) {
        element += 0.2F * gauss(random_);
      }
      rows_.push_back(std::move(row));
    }
    for (std::size_t i = first; i < rows_.size(); ++i) {
      batch.push_back(
          {.key = &rows_[i].key, .row = rows_[i].id, .replaced = {}, .vector = rows_[i].vector});
    }
    ASSERT_OK(set_.AddBatch(batch));
  }

  void Remove(std::size_t i) {
    set_.Remove("m", rows_[i].id);
    rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void AwaitGraph(std::size_t size) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (set_.graph_size("m") != size && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(set_.graph_size("m"), size);
  }

  std::vector<RowId> Find(const Vector& query, IndexQuery options) const {
    options.embedding = query;
    options.max_distance = std::numeric_limits<float>::infinity();
    const auto hits = set_.Search("m", options);
    EXPECT_OK(hits);
    std::vector<RowId> found;
    for (const IndexHit& hit : hits.value()) {
      const auto row = std::find_if(rows_.begin(), rows_.end(),
                                    [&](const Row& one) { return one.id == hit.row; });
      EXPECT_NE(row, rows_.end()) << "row " << hit.row << " is gone";
      if (row != rows_.end()) {
        EXPECT_EQ(hit.key, row->key);
        EXPECT_EQ(hit.distance, ExactDistance(Metric::kL2, query, row->vector));
      }
      found.push_back(hit.row);
    }
    return found;
  }

  /// The part of the true ten nearest that is found, for every 29th row as query.
  double Recall(const IndexQuery& options) const {
    std::size_t hits = 0;
    std::size_t asked = 0;
    for (std::size_t i = 0; i < rows_.size(); i += 29) {
      std::vector<std::pair<float, RowId>> all;
      for (const Row& row : rows_) {
        if (!options.provider || *options.provider == row.key.provider) {
          all.emplace_back(ExactDistance(Metric::kL2, rows_[i].vector, row.vector), row.id);
        }
      }
      std::sort(all.begin(), all.end());
      all.resize(std::min<std::size_t>(all.size(), 10));
      const std::vector<RowId> found = Find(rows_[i].vector, options);
      EXPECT_EQ(found.size(), all.size());
      for (const auto& [distance, id] : all) {
        hits += static_cast<std::size_t>(std::count(found.begin(), found.end(), id));
        ++asked;
      }
    }
    return static_cast<double>(hits) / static_cast<double>(asked);
  }

  std::mt19937 random_{5};
  Vector centre_;
  RowId last_id_ = 0;
  std::vector<Row> rows_;
  ShelvedIndex set_{{.metric = Metric::kL2,
                     .mode = IndexMode::kHnsw,
                     .precision = GetParam(),
                     .least_growth = 1}};
};

TEST_P(GrowthTest, FindsWhatComparingAllFinds) {
  Add(3'000);
  EXPECT_EQ(Recall({}), 1.0);  // no graph yet, or only of a part
  AwaitGraph(3'000);
  EXPECT_GE(Recall({}), 0.97);
  EXPECT_EQ(Recall({.exact = true}), 1.0);
}

TEST_P(GrowthTest, ARowIsFoundAsSoonAsItIsAdded) {
  Add(2'000);
  AwaitGraph(2'000);
  for (int i = 0; i < 20; ++i) {
    Add(7);
    EXPECT_EQ(Find(rows_.back().vector, {.k = 1}), std::vector<RowId>{rows_.back().id});
  }
  AwaitGraph(2'140);
  EXPECT_GE(Recall({}), 0.97);
}

TEST_P(GrowthTest, FiltersNeverCostRows) {
  Add(3'000);
  AwaitGraph(3'000);
  EXPECT_GE(Recall({.provider = "p7"}), 0.99);  // one in twenty
  EXPECT_TRUE(Find(rows_[0].vector, {.provider = "nobody"}).empty());
  const std::vector<RowId> nearest = Find(rows_[50].vector, {.k = 30});
  ASSERT_EQ(nearest.size(), 30U);
  std::vector<std::string> exclude;
  for (std::size_t i = 0; i < 29; ++i) {
    exclude.push_back(Concat("d", nearest[i]));
  }
  const std::vector<RowId> others = Find(rows_[50].vector, {.exclude = exclude});
  ASSERT_EQ(others.size(), 10U);
  for (const RowId row : others) {
    EXPECT_EQ(std::count(nearest.begin(), nearest.end() - 1, row), 0);
  }
  const std::vector<RowId> but_one = Find(rows_[50].vector, {.exclude_record = &rows_[50].key});
  EXPECT_EQ(std::count(but_one.begin(), but_one.end(), rows_[50].id), 0);
  EXPECT_EQ(but_one.size(), 10U);
}

TEST_P(GrowthTest, RowsThatAreGoneAreNotFoundAndTheGraphBeginsAnew) {
  Add(2'000);
  AwaitGraph(2'000);
  for (int i = 0; i < 300; ++i) {
    Remove(random_() % rows_.size());
  }
  EXPECT_GE(Recall({}), 0.97);
  for (int i = 0; i < 700; ++i) {
    Remove(random_() % rows_.size());
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (set_.graph_size("m") > 1'250 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_LE(set_.graph_size("m"), 1'250U);  // at most a fifth is gone
  EXPECT_GE(Recall({}), 0.97);
}

TEST_P(GrowthTest, EveryRowFindsItselfAfterHalfAreGoneAndManyWereReplaced) {
  Add(1'500);
  AwaitGraph(1'500);
  for (int i = 0; i < 750; ++i) {
    Remove(random_() % rows_.size());
  }
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 225; ++i) {
      Remove(random_() % rows_.size());
    }
    Add(225);
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::size_t found = 0;
  for (const Row& row : rows_) {
    found += Find(row.vector, {.k = 1}) == std::vector<RowId>{row.id} ? 1U : 0U;
  }
  EXPECT_EQ(found, rows_.size());
}

TEST_P(GrowthTest, EqualVectorsAreAllReturned) {
  Add(1'000);
  std::vector<IndexRow> batch;
  std::vector<Row> equal;
  for (int i = 0; i < 15; ++i) {
    Row row = rows_[10];
    row.id = ++last_id_;
    row.key.depiction_id = Concat("d", row.id);
    equal.push_back(row);
  }
  for (const Row& row : equal) {
    batch.push_back({.key = &row.key, .row = row.id, .replaced = {}, .vector = row.vector});
    rows_.push_back(row);
  }
  ASSERT_OK(set_.AddBatch(batch));
  AwaitGraph(1'015);
  const std::vector<RowId> found = Find(rows_[10].vector, {.k = 16});
  for (const Row& row : equal) {
    EXPECT_EQ(std::count(found.begin(), found.end(), row.id), 1);
  }
}

TEST_P(GrowthTest, AModelThatBeginsAnewWithAnotherLengthGetsANewGraph) {
  Add(600);
  AwaitGraph(600);
  while (!rows_.empty()) {
    Remove(rows_.size() - 1);
  }
  EXPECT_EQ(set_.size("m"), 0U);
  const Key key{"p", "d", "m"};
  const Vector other = {1, 2, 3};
  const IndexRow row{.key = &key, .row = ++last_id_, .replaced = {}, .vector = other};
  ASSERT_OK(set_.AddBatch({&row, 1}));
  AwaitGraph(1);
  const auto hits = set_.Search("m", {.embedding = other, .k = 5, .max_distance = 1});
  ASSERT_OK(hits);
  ASSERT_EQ(hits->size(), 1U);
  EXPECT_EQ((*hits)[0].row, last_id_);
}

INSTANTIATE_TEST_SUITE_P(Precisions, GrowthTest,
                         ::testing::Values(Precision::kBf16, Precision::kF32, Precision::kF16,
                                           Precision::kI8));

TEST(IndexGrowth, SearchesAndChangesGoOnWhileTheGraphGrows) {
  ShelvedIndex set({.mode = IndexMode::kHnsw, .least_growth = 1});
  ASSERT_OK(set.Load("m", 4, [](const IndexSet::RowSink&) { return Status(); }));
  std::atomic<RowId> added = 0;
  std::jthread writer([&](const std::stop_token& stop) {
    std::mt19937 random(1);
    for (RowId id = 1; id <= 3'000 && !stop.stop_requested(); ++id) {
      const Key key{"p", std::to_string(id), "m"};
      const auto spread = static_cast<float>(random() % 1'000);
      const Vector vector = {static_cast<float>(id), spread, 1, 2};
      const IndexRow row{.key = &key, .row = id, .replaced = {}, .vector = vector};
      EXPECT_OK(set.AddBatch({&row, 1}));
      added = id;
      if (id % 10 == 0) {
        set.Remove("m", id - 5);
      }
    }
  });
  std::vector<std::jthread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested() && added < 3'000) {
        const RowId before = added;
        const Vector query = {static_cast<float>(before), 500, 1, 2};
        const auto hits = set.Search("m", {.embedding = query, .k = 5, .max_distance = 1e9F});
        EXPECT_OK(hits);
        EXPECT_GE(hits->size(), std::min<std::size_t>(5, static_cast<std::size_t>(before) / 2));
      }
    });
  }
  writer.join();
}

Status FillAtRandom(const IndexSet::RowSink& sink) {
  std::mt19937 random(1);
  for (RowId id = 1; id <= 3'000; ++id) {
    Vector vector(64);
    std::generate(vector.begin(), vector.end(),
                  [&] { return static_cast<float>(random() % 1'000); });
    EDB_TRY(sink({id, "p", std::to_string(id), vector}));
  }
  return {};
}

TEST(IndexGrowth, EndsInTheMiddleOfGrowing) {
  for (int i = 0; i < 5; ++i) {
    ShelvedIndex set({.mode = IndexMode::kHnsw, .least_growth = 1});
    ASSERT_OK(set.Load("m", 64, FillAtRandom));
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + 60 * i));
  }
}

/// Vectors long enough for sketches, and rows enough: with a filter the graph is not what is asked.
class SketchedTest : public testing::TestWithParam<Metric> {
 protected:
  static constexpr int kLong = 128;
  static constexpr RowId kRows = 2'400;

  Status Fill(const IndexSet::RowSink& sink) {
    std::mt19937_64 random(TestSeed());
    std::normal_distribution<float> gauss;
    RowDetailsWriter details;
    for (RowId id = 1; id <= kRows; ++id) {
      // Every third is near another.
      const bool near = id % 3 == 0;
      Vector vector = near ? vectors_.back() : Vector(kLong);
      for (float& element : vector) {
        element += (near ? 0.3F : 1.0F) * gauss(random) + 0.5F;
      }
      EDB_TRY(sink({id, Concat("p", id % 4), Concat("d", id), vector,
                    details.Write(Concat("s", id % 3), {})}));
      vectors_.push_back(std::move(vector));
    }
    return {};
  }
  void ExpectAsByComparingAll(IndexQuery query) {
    const List found = Names(set_.Search("m", query));
    query.exact = true;
    EXPECT_EQ(found, Names(set_.Search("m", query)));
    EXPECT_EQ(found.size(), 10U);
  }

  std::vector<Vector> vectors_;
  ShelvedIndex set_{{.metric = GetParam(), .mode = IndexMode::kHnsw, .least_growth = 1}};
};

TEST_P(SketchedTest, RowsOfAFilterAreFoundAsByComparingAll) {
  ASSERT_OK(set_.Load("m", kLong, [&](const IndexSet::RowSink& sink) { return Fill(sink); }));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (set_.graph_size("m") != kRows && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_EQ(set_.graph_size("m"), static_cast<std::size_t>(kRows));
  const std::vector<Filter> subject = {{Column::kSubjectId, "s1"}};
  for (std::size_t i = 0; i < vectors_.size(); i += 40) {
    ExpectAsByComparingAll({.embedding = vectors_[i], .max_distance = 1e9F, .provider = "p2"});
    ExpectAsByComparingAll({.embedding = vectors_[i], .max_distance = 1e9F, .filters = &subject});
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, SketchedTest,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kInnerProduct));

TEST(IndexGrowth, SmallModelsGetNoGraphUnlessAsked) {
  ShelvedIndex set({.mode = IndexMode::kAuto});
  ASSERT_OK(set.Load("m", 1,
                     [](const IndexSet::RowSink& sink) { return sink({1, "p", "d", Vector{1}}); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(set.graph_size("m"), 0U);
}

}  // namespace
}  // namespace embeddingsdb
