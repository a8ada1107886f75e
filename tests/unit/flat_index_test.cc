// SPDX-License-Identifier: BSD-3-Clause
#include "index/flat_index.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "support/records.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;
using Rows = std::map<RowId, Vector>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Leaves out some rows and orders ties against the grain.
class OddRows final : public RowView {
 public:
  explicit OddRows(RowId forbidden_every) : every_(forbidden_every) {}
  bool Allows(RowId row) const override { return row % every_ != 0; }
  bool Before(RowId a, RowId b) const override {
    return std::pair(a % 7, -a) < std::pair(b % 7, -b);
  }

 private:
  RowId every_;
};

/// The definition of the answer: every exact distance, sorted.
std::vector<Neighbor> BruteForce(Metric metric, const Rows& rows, const Vector& query,
                                 const SearchOptions& options) {
  std::vector<Neighbor> found;
  for (const auto& [row, vector] : rows) {
    if (options.rows != nullptr && !options.rows->Allows(row)) {
      continue;
    }
    const float distance = ExactDistance(metric, query, vector);
    if (distance <= options.max_distance) {
      found.push_back({row, distance});
    }
  }
  std::sort(found.begin(), found.end(), [&](const Neighbor& a, const Neighbor& b) {
    if (a.distance != b.distance) {
      return a.distance < b.distance;
    }
    return options.rows != nullptr ? options.rows->Before(a.row, b.row) : a.row < b.row;
  });
  found.resize(std::min(found.size(), static_cast<std::size_t>(options.k)));
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

void ExpectSame(const Result<std::vector<Neighbor>>& found, const std::vector<Neighbor>& expected) {
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ((*found)[i].row, expected[i].row) << "place " << i;
    ASSERT_EQ((*found)[i].distance, expected[i].distance) << "place " << i;
  }
}

using KernelsAndMetric = std::tuple<const DistanceKernels*, Metric>;

/// Adds, removes and searches by turns; every answer is the definition's, to the last bit.
void CompareAtRandom(const KernelsAndMetric& tested, Kind kind, int dimension,
                     std::mt19937_64& random) {
  const auto& [kernels, metric] = tested;
  SCOPED_TRACE(testing::Message() << MetricName(metric) << " kind " << static_cast<int>(kind)
                                  << " x " << dimension << " " << kernels->isa << " seed "
                                  << TestSeed());
  Generator generator(kind, dimension, random);
  const auto index = NewFlatIndex(metric, dimension, *kernels);
  Rows rows;
  RowId next = 1;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 250; ++i, ++next) {
      const Vector vector = rows[next] = generator.Next();
      ASSERT_OK(index->Add(next, vector));
    }
    for (int i = 0; i < 60; ++i) {
      const auto gone = static_cast<RowId>(1 + generator.Below(static_cast<std::size_t>(next)));
      ASSERT_EQ(index->Remove(gone), rows.erase(gone) == 1);
    }
    ASSERT_EQ(index->size(), rows.size());
    for (const int k : {1, 2, 10, 100, static_cast<int>(rows.size()), 1'000}) {
      const Vector query = generator.Below(2) == 0 ? rows.begin()->second : generator.Next();
      const OddRows odd(static_cast<RowId>(2 + generator.Below(4)));
      const SearchOptions options = {.k = k,
                                     .max_distance = SomeLimit(metric, rows, query, generator),
                                     .rows = generator.Below(3) == 0 ? nullptr : &odd};
      SCOPED_TRACE(testing::Message() << "k " << k << " limit " << options.max_distance);
      ASSERT_NO_FATAL_FAILURE(
          ExpectSame(index->Search(query, options), BruteForce(metric, rows, query, options)));
    }
  }
}

class FlatIndexLikeBruteForce : public testing::TestWithParam<KernelsAndMetric> {};

TEST_P(FlatIndexLikeBruteForce, ForAnyData) {
  std::mt19937_64 random(TestSeed());
  for (int kind = 0; kind <= static_cast<int>(Kind::kLastKind); ++kind) {
    for (const int dimension : {1, 3, 50}) {
      ASSERT_NO_FATAL_FAILURE(
          CompareAtRandom(GetParam(), static_cast<Kind>(kind), dimension, random));
    }
  }
}

TEST_P(FlatIndexLikeBruteForce, ForLongVectorsAllButEquallyNear) {
  std::mt19937_64 random(TestSeed());
  ASSERT_NO_FATAL_FAILURE(CompareAtRandom(GetParam(), Kind::kNearTies, 700, random));
}

INSTANTIATE_TEST_SUITE_P(All, FlatIndexLikeBruteForce,
                         testing::Combine(testing::ValuesIn(SupportedKernels()),
                                          testing::Values(Metric::kL2, Metric::kCosine,
                                                          Metric::kInnerProduct)),
                         [](const auto& of) {
                           return std::string(std::get<0>(of.param)->isa) + "_" +
                                  std::string(MetricName(std::get<1>(of.param)));
                         });

TEST(FlatIndex, FindsTheSameWhateverTheOrderOfAdding) {
  std::mt19937_64 random(TestSeed());
  Rows rows;
  for (RowId row = 0; row < 2'000; ++row) {
    rows[row] = RandomVector(random, 8);
  }
  const Vector query = RandomVector(random, 8);
  std::vector<std::pair<float, RowId>> far_first;
  for (const auto& [row, vector] : rows) {
    far_first.emplace_back(-ExactDistance(Metric::kL2, query, vector), row);
  }
  std::sort(far_first.begin(), far_first.end());
  const auto index = NewFlatIndex(Metric::kL2, 8);
  // Every row enters the shortlist: the worst order for a scan.
  for (const auto& [distance, row] : far_first) {
    ASSERT_OK(index->Add(row, rows[row]));
  }
  ExpectSame(index->Search(query, {.k = 10}), BruteForce(Metric::kL2, rows, query, {.k = 10}));
  ExpectSame(index->Search(query, {.k = 500}), BruteForce(Metric::kL2, rows, query, {.k = 500}));
}

/// Counts the questions.
class CountingRows final : public RowView {
 public:
  bool Allows(RowId row) const override {
    asked_.insert(row);
    return true;
  }
  bool Before(RowId a, RowId b) const override { return a < b; }
  std::size_t asked() const { return asked_.size(); }

 private:
  mutable std::set<RowId> asked_;
};

TEST(FlatIndex, AsksOnlyAboutRowsThatAreNearEnough) {
  const auto index = NewFlatIndex(Metric::kL2, 1);
  for (RowId row = 0; row < 10'000; ++row) {
    ASSERT_OK(index->Add(row, Vector{static_cast<float>(row)}));
  }
  const CountingRows rows;
  const auto found = index->Search(Vector{0}, {.k = 3, .rows = &rows});
  ASSERT_OK(found);
  EXPECT_EQ(found->size(), 3U);
  EXPECT_LT(rows.asked(), 200U);
}

TEST(FlatIndex, RefusesVectorsOfAnotherLengthNamingBoth) {
  const auto index = NewFlatIndex(Metric::kL2, 4);
  EXPECT_FAILS(index->Add(7, Vector{1, 2, 3}), kInvalidArgument,
               "row 7 has 3 elements, but the index has 4");
  EXPECT_FAILS(index->Search(Vector{1, 2, 3, 4, 5}, {}), kInvalidArgument,
               "query has 5 elements, but the index has 4");
  EXPECT_EQ(index->size(), 0U);
}

TEST(FlatIndex, RefusesNumbersThatAreNotFinite) {
  const auto index = NewFlatIndex(Metric::kL2, 9);
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t place : {0U, 5U, 8U}) {
      Vector vector(9, 1);
      vector[place] = bad;
      EXPECT_FAILS(index->Add(1, vector), kInvalidArgument, "vector");
      EXPECT_FAILS(index->Search(vector, {}), kInvalidArgument, "query");
    }
  }
  EXPECT_FAILS(index->Search(Vector(9, 1), {.k = 0}), kInvalidArgument, "k is 0");
  EXPECT_FAILS(index->Search(Vector(9, 1), {.max_distance = std::nanf("")}), kInvalidArgument,
               "max_distance");
}

TEST(FlatIndex, RefusesARowTwiceAndKeepsTheFirst) {
  const auto index = NewFlatIndex(Metric::kL2, 1);
  ASSERT_OK(index->Add(5, Vector{1}));
  EXPECT_FAILS(index->Add(5, Vector{9}), kInvalidArgument, "row 5");
  const auto found = index->Search(Vector{1}, {});
  ASSERT_OK(found);
  EXPECT_EQ(*found, (std::vector<Neighbor>{{5, 0.0F}}));
}

TEST(FlatIndex, AnswersNothingWhenEmptyAgain) {
  const auto index = NewFlatIndex(Metric::kCosine, 2);
  ASSERT_OK(index->Add(1, Vector{1, 2}));
  EXPECT_TRUE(index->Remove(1));
  EXPECT_FALSE(index->Remove(1));
  const auto found = index->Search(Vector{1, 2}, {});
  ASSERT_OK(found);
  EXPECT_TRUE(found->empty());
}

TEST(FlatIndex, GivesMemoryBackAsRowsGo) {
  const auto index = NewFlatIndex(Metric::kL2, 1'024);
  const std::size_t empty = index->memory_bytes();
  const Vector vector(1'024, 1);
  for (RowId row = 0; row < 1'000; ++row) {
    ASSERT_OK(index->Add(row, vector));
  }
  const std::size_t full = index->memory_bytes();
  EXPECT_GT(full, 1'000U * 4'096U);
  EXPECT_LT(full, 2U * 1'000U * 4'200U + (1U << 17));
  for (RowId row = 0; row < 1'000; ++row) {
    ASSERT_TRUE(index->Remove(row));
  }
  EXPECT_LT(index->memory_bytes(), empty + full / 10);
}

}  // namespace
}  // namespace embeddingsdb
