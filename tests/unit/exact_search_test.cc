// SPDX-License-Identifier: BSD-3-Clause
//
// Searches that compare every code: whatever the precision and however spiteful the data, the
// answer is the one that exact distances of the vectors give, to the last bit and with every tie.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/text.h"
#include "index/distance.h"
#include "support/records.h"
#include "support/shelved_index.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;
using Rows = std::map<RowId, Vector>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Keys against the grain of row ids, so that ties show.
Key KeyOf(RowId row) {
  return {Concat("p", row % 5), Concat("d", 1'000'000 - row), "m"};
}

/// The definition of the answer: every exact distance, sorted.
std::vector<IndexHit> BruteForce(Metric metric, const Rows& rows, const IndexQuery& query) {
  std::vector<IndexHit> found;
  for (const auto& [row, vector] : rows) {
    IndexHit hit = {row, ExactDistance(metric, query.embedding, vector), KeyOf(row)};
    const bool excluded =
        std::count(query.exclude.begin(), query.exclude.end(), hit.key.depiction_id) > 0 ||
        (query.exclude_record != nullptr && *query.exclude_record == hit.key);
    if (hit.distance <= query.max_distance && !excluded &&
        (!query.provider || *query.provider == hit.key.provider)) {
      found.push_back(std::move(hit));
    }
  }
  std::sort(found.begin(), found.end(), [](const IndexHit& a, const IndexHit& b) {
    return std::tie(a.distance, a.key, a.row) < std::tie(b.distance, b.key, b.row);
  });
  found.resize(std::min(found.size(), static_cast<std::size_t>(query.k)));
  return found;
}

/// Kinds of data, from easy to spiteful.
enum class Kind {
  kNormal,
  kSmallIntegers,  // many ties
  kDuplicates,     // a few vectors many times
  kNearTies,       // one vector, disturbed in its last bits
  kScaledCopies,   // equal angles
  kUnderflow,      // squares vanish in float32
  kDenormal,
  kOverflow,  // squares are infinite in float32
  kMixedMagnitude,
  kZerosAmongThem,
  kLastKind = kZerosAmongThem,
};

class Generator {
 public:
  Generator(Kind kind, int dimension, std::mt19937_64& random)
      : kind_(kind), dimension_(dimension), random_(random) {
    for (int i = 0; i < 4; ++i) {
      bases_.push_back(RandomVector(random, dimension));
    }
  }

  Vector Next() {
    const Vector& base = bases_[Below(bases_.size())];
    switch (kind_) {
      case Kind::kNormal:
        return RandomVector(random_, dimension_);
      case Kind::kSmallIntegers:
        return Each([&](float) { return static_cast<float>(Below(3)); });
      case Kind::kDuplicates:
        return base;
      case Kind::kNearTies:
        return Each([&](float x) { return Below(8) == 0 ? std::nextafter(x, kInfinity) : x; });
      case Kind::kScaledCopies:
        return Scaled(base, std::ldexp(1.0F, static_cast<int>(Below(5))));
      case Kind::kUnderflow:
        return Scaled(RandomVector(random_, dimension_), 1e-25F);
      case Kind::kDenormal:
        return Scaled(RandomVector(random_, dimension_), 1e-43F);
      case Kind::kOverflow:
        return Scaled(RandomVector(random_, dimension_), 1e25F);
      case Kind::kMixedMagnitude:
        return Scaled(RandomVector(random_, dimension_),
                      std::ldexp(1.0F, static_cast<int>(Below(240)) - 120));
      case Kind::kZerosAmongThem:
        return Below(3) == 0 ? Scaled(base, 0) : RandomVector(random_, dimension_);
    }
    return base;
  }

  std::size_t Below(std::size_t bound) { return random_() % bound; }

 private:
  template <typename Function>
  Vector Each(Function function) {
    Vector vector = bases_[0];
    for (float& element : vector) {
      element = function(element);
    }
    return vector;
  }
  static Vector Scaled(Vector vector, float scale) {
    for (float& element : vector) {
      element *= scale;
    }
    return vector;
  }

  Kind kind_;
  int dimension_;
  std::mt19937_64& random_;
  std::vector<Vector> bases_;
};

/// One of the distances there are, or just beside it, or something extreme.
float SomeLimit(Metric metric, const Rows& rows, const Vector& query, Generator& generator) {
  if (rows.empty()) {
    return 1;
  }
  const auto some =
      std::next(rows.begin(), static_cast<std::ptrdiff_t>(generator.Below(rows.size())));
  const float distance = ExactDistance(metric, query, some->second);
  switch (generator.Below(6)) {
    case 0:
      return distance;
    case 1:
      return std::nextafter(distance, -kInfinity);
    case 2:
      return std::nextafter(distance, kInfinity);
    case 3:
      return generator.Below(2) == 0 ? 0.0F : -1.0F;
    default:
      return kInfinity;
  }
}

void ExpectSame(const Result<std::vector<IndexHit>>& found, const std::vector<IndexHit>& expected) {
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ((*found)[i].row, expected[i].row) << "place " << i;
    ASSERT_EQ((*found)[i].distance, expected[i].distance) << "place " << i;
    ASSERT_EQ((*found)[i].key, expected[i].key) << "place " << i;
  }
}

Status AddOne(ShelvedIndex& index, RowId row, const Vector& vector) {
  const Key key = KeyOf(row);
  const IndexRow one{.key = &key, .row = row, .replaced = {}, .vector = vector};
  return index.AddBatch({&one, 1});
}

Status LoadEmpty(ShelvedIndex& index, int dimension) {
  return index.Load("m", dimension, [](const IndexSet::RowSink&) { return Status(); });
}

using MetricAndPrecision = std::tuple<Metric, Precision>;

/// Adds, removes and searches by turns; every answer is the definition's, to the last bit.
void CompareAtRandom(const MetricAndPrecision& tested, Kind kind, int dimension,
                     std::mt19937_64& random) {
  const auto [metric, precision] = tested;
  SCOPED_TRACE(testing::Message() << "kind " << static_cast<int>(kind) << " x " << dimension
                                  << " seed " << TestSeed());
  Generator generator(kind, dimension, random);
  ShelvedIndex index({.metric = metric, .mode = IndexMode::kExact, .precision = precision});
  ASSERT_OK(LoadEmpty(index, dimension));
  Rows rows;
  RowId next = 1;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 250; ++i, ++next) {
      const Vector vector = rows[next] = generator.Next();
      ASSERT_OK(AddOne(index, next, vector));
    }
    for (int i = 0; i < 60; ++i) {
      const auto gone = static_cast<RowId>(1 + generator.Below(static_cast<std::size_t>(next)));
      index.Remove("m", gone);
      rows.erase(gone);
    }
    ASSERT_EQ(index.size("m"), rows.size());
    for (const int k : {1, 2, 10, 100, static_cast<int>(rows.size()), 1'000}) {
      const Vector query = generator.Below(2) == 0 ? rows.begin()->second : generator.Next();
      std::vector<std::string> exclude;
      for (std::size_t i = generator.Below(4) * 30; i > 0; --i) {
        exclude.push_back(KeyOf(static_cast<RowId>(generator.Below(500))).depiction_id);
      }
      const Key own = KeyOf(rows.begin()->first);
      const std::string provider = Concat("p", generator.Below(6));
      IndexQuery options = {.embedding = query,
                            .k = k,
                            .max_distance = SomeLimit(metric, rows, query, generator),
                            .exclude = exclude,
                            .exclude_record = generator.Below(2) == 0 ? &own : nullptr};
      if (generator.Below(3) == 0) {
        options.provider = provider;
      }
      SCOPED_TRACE(testing::Message() << "k " << k << " limit " << options.max_distance);
      ASSERT_NO_FATAL_FAILURE(
          ExpectSame(index.Search("m", options), BruteForce(metric, rows, options)));
    }
  }
}

class SearchLikeBruteForce : public testing::TestWithParam<MetricAndPrecision> {};

TEST_P(SearchLikeBruteForce, ForAnyData) {
  std::mt19937_64 random(TestSeed());
  for (int kind = 0; kind <= static_cast<int>(Kind::kLastKind); ++kind) {
    for (const int dimension : {1, 3, 50}) {
      ASSERT_NO_FATAL_FAILURE(
          CompareAtRandom(GetParam(), static_cast<Kind>(kind), dimension, random));
    }
  }
}

TEST_P(SearchLikeBruteForce, ForLongVectorsAllButEquallyNear) {
  std::mt19937_64 random(TestSeed());
  ASSERT_NO_FATAL_FAILURE(CompareAtRandom(GetParam(), Kind::kNearTies, 700, random));
}

TEST_P(SearchLikeBruteForce, WhateverTheOrderOfAdding) {
  const auto [metric, precision] = GetParam();
  std::mt19937_64 random(TestSeed());
  const Vector query = RandomVector(random, 8);
  std::vector<Vector> vectors;
  for (RowId row = 0; row < 2'000; ++row) {
    vectors.push_back(RandomVector(random, 8));
  }
  // Every row enters the shortlist: the worst order for a scan.
  std::sort(vectors.begin(), vectors.end(), [&](const Vector& a, const Vector& b) {
    return ExactDistance(metric, query, a) > ExactDistance(metric, query, b);
  });
  ShelvedIndex index({.metric = metric, .mode = IndexMode::kExact, .precision = precision});
  ASSERT_OK(LoadEmpty(index, 8));
  Rows rows;
  for (const Vector& vector : vectors) {
    const RowId row = static_cast<RowId>(rows.size()) + 1;
    rows[row] = vector;
    ASSERT_OK(AddOne(index, row, vector));
  }
  for (const int k : {10, 500}) {
    const IndexQuery options = {.embedding = query, .k = k, .max_distance = kInfinity};
    ExpectSame(index.Search("m", options), BruteForce(metric, rows, options));
  }
}

std::string NameOf(const testing::TestParamInfo<MetricAndPrecision>& of) {
  constexpr const char* kPrecisions[] = {"bf16", "f32", "f16", "i8"};
  return Concat(MetricName(std::get<0>(of.param)), "_",
                kPrecisions[static_cast<std::size_t>(std::get<1>(of.param))]);
}

INSTANTIATE_TEST_SUITE_P(All, SearchLikeBruteForce,
                         testing::Combine(testing::Values(Metric::kL2, Metric::kCosine,
                                                          Metric::kInnerProduct),
                                          testing::Values(Precision::kBf16, Precision::kF32,
                                                          Precision::kF16, Precision::kI8)),
                         NameOf);

TEST(ExactSearch, ReadsFewMoreVectorsThanAreWanted) {
  std::mt19937_64 random(TestSeed());
  for (const Precision precision : {Precision::kBf16, Precision::kF32, Precision::kI8}) {
    IndexSet index({.mode = IndexMode::kExact, .precision = precision});
    Rows rows;
    ASSERT_OK(index.Load("m", {.dimension = 128,
                               .visit = [&](RowId, const IndexSet::RowSink& sink) -> Status {
                                 for (RowId row = 1; row <= 2'000; ++row) {
                                   rows[row] = RandomVector(random, 128);
                                   EDB_TRY(sink({row, "p", Concat("d", row), rows[row]}));
                                 }
                                 return {};
                               },
                               .list = {}}));
    std::size_t read = 0;
    const auto found = index.Search(
        "m", {.embedding = rows[7], .max_distance = kInfinity},
        [&](std::span<const IndexHit> hits) -> Result<std::vector<std::span<const float>>> {
          read += hits.size();
          std::vector<std::span<const float>> vectors;
          for (const IndexHit& hit : hits) {
            vectors.emplace_back(rows[hit.row]);
          }
          return vectors;
        });
    ASSERT_OK(found);
    ASSERT_TRUE(found->has_value());
    EXPECT_EQ((*found)->size(), 10U);
    EXPECT_LE(read, precision == Precision::kI8 ? 60U : 20U);
    EXPECT_EQ(read == 0, precision == Precision::kF32);
  }
}

TEST(ExactSearch, AnswersNothingWhenARowIsGoneFromTheStore) {
  IndexSet index({.mode = IndexMode::kExact});
  ASSERT_OK(index.Load(
      "m",
      {.dimension = 1,
       .visit = [](RowId, const IndexSet::RowSink& sink) { return sink({1, "p", "d", Vector{1}}); },
       .list = {}}));
  const Vector query = {1};
  const auto found =
      index.Search("m", {.embedding = query, .max_distance = 1}, [](std::span<const IndexHit>) {
        return Result<std::vector<std::span<const float>>>({std::span<const float>()});
      });
  ASSERT_OK(found);
  EXPECT_FALSE(found->has_value());
}

TEST(ExactSearch, RefusesNumbersThatAreNotFinite) {
  ShelvedIndex index({.mode = IndexMode::kExact});
  ASSERT_OK(LoadEmpty(index, 9));
  ASSERT_OK(AddOne(index, 1, Vector(9, 1)));
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t place : {0U, 5U, 8U}) {
      Vector vector(9, 1);
      vector[place] = bad;
      EXPECT_FAILS(AddOne(index, 2, vector), kInvalidArgument, "vector");
      EXPECT_FAILS(index.Search("m", {.embedding = vector}), kInvalidArgument, "query");
    }
  }
  EXPECT_EQ(index.size("m"), 1U);
  const Vector query(9, 1);
  EXPECT_FAILS(index.Search("m", {.embedding = query, .k = 0}), kInvalidArgument, "k is 0");
  EXPECT_FAILS(index.Search("m", {.embedding = query, .max_distance = std::nanf("")}),
               kInvalidArgument, "max_distance");
}

TEST(ExactSearch, RowsComeInTheOrderOfTheirIds) {
  ShelvedIndex index({.mode = IndexMode::kExact});
  ASSERT_OK(LoadEmpty(index, 1));
  ASSERT_OK(AddOne(index, 5, Vector{1}));
  EXPECT_FAILS(AddOne(index, 5, Vector{9}), kInternal, "row 5");
  EXPECT_EQ(index.size("m"), 1U);
}

TEST(ExactSearch, MemoryOfRowsThatAreGoneComesBack) {
  ShelvedIndex index({.mode = IndexMode::kExact, .least_growth = 1});
  ASSERT_OK(LoadEmpty(index, 1'024));
  const Vector vector(1'024, 1);
  for (RowId row = 1; row <= 9'000; ++row) {
    ASSERT_OK(AddOne(index, row, vector));
  }
  const std::size_t full = index.set().memory_bytes();
  EXPECT_GT(full, 9'000U * 2'048U);
  for (RowId row = 1; row <= 8'900; ++row) {
    index.Remove("m", row);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (index.set().memory_bytes() > full / 2 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_LE(index.set().memory_bytes(), full / 2);
  EXPECT_EQ(index.size("m"), 100U);
}

}  // namespace
}  // namespace embeddingsdb
