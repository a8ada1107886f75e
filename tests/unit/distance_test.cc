// SPDX-License-Identifier: BSD-3-Clause
#include "index/distance.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/records.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kHuge = std::numeric_limits<float>::max();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();

TEST(ExactDistance, IsWhatSchoolSays) {
  EXPECT_EQ(ExactDistance(Metric::kL2, Vector{1, 2}, Vector{4, 6}), 5.0F);
  EXPECT_EQ(ExactDistance(Metric::kCosine, Vector{1, 0}, Vector{0, 3}), 1.0F);
  EXPECT_EQ(ExactDistance(Metric::kCosine, Vector{1, 1}, Vector{-2, -2}), 2.0F);
  EXPECT_EQ(ExactDistance(Metric::kInnerProduct, Vector{1, 2}, Vector{3, 4}), -10.0F);
}

TEST(ExactDistance, IsZeroBetweenEqualVectorsInL2AndCosine) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 200; ++i) {
    const Vector vector = RandomVector(random, 1 + i);
    EXPECT_EQ(ExactDistance(Metric::kL2, vector, vector), 0.0F) << i;
    EXPECT_EQ(ExactDistance(Metric::kCosine, vector, vector), 0.0F) << i;
  }
}

TEST(ExactDistance, TakesZeroVectorsAsAtRightAnglesToAll) {
  EXPECT_EQ(ExactDistance(Metric::kCosine, Vector{0, 0}, Vector{1, 2}), 1.0F);
  EXPECT_EQ(ExactDistance(Metric::kCosine, Vector{0, 0}, Vector{0, 0}), 1.0F);
}

TEST(ExactDistance, KeepsTheAngleOfHugeAndTinyVectors) {
  EXPECT_EQ(ExactDistance(Metric::kCosine, Vector{kHuge, 0}, Vector{kHuge, kHuge}),
            ExactDistance(Metric::kCosine, Vector{kTiny, 0}, Vector{kTiny, kTiny}));
  EXPECT_FLOAT_EQ(ExactDistance(Metric::kCosine, Vector{kTiny, 0}, Vector{kHuge, kHuge}),
                  1 - std::sqrt(0.5F));
}

TEST(ExactDistance, IsInfiniteBeyondFloatAndNeverNan) {
  EXPECT_EQ(ExactDistance(Metric::kL2, Vector{kHuge, kHuge}, Vector{-kHuge, kHuge}), kInfinity);
  EXPECT_EQ(ExactDistance(Metric::kL2, Vector{1e30F}, Vector{-1e30F}), 2e30F);
  EXPECT_EQ(ExactDistance(Metric::kInnerProduct, Vector{kHuge}, Vector{-kHuge}), kInfinity);
  EXPECT_EQ(ExactDistance(Metric::kInnerProduct, Vector{kHuge}, Vector{kHuge}), -kInfinity);
  EXPECT_EQ(ExactDistance(Metric::kInnerProduct, Vector{kHuge, kHuge}, Vector{kHuge, -kHuge}),
            1.0F);
}

/// A kernel's answer for one row, and the double precision sums to hold it against.
struct Sums {
  double l2 = 0;
  double dot = 0;
  double magnitude = 0;  // of the products
};

Sums SumsOf(const float* a, const float* b, std::size_t n) {
  Sums sums;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    sums.l2 += (x - y) * (x - y);
    sums.dot += x * y;
    sums.magnitude += std::abs(x * y);
  }
  return sums;
}

/// One test a kernel, by its instruction set.
class Kernels : public testing::TestWithParam<const DistanceKernels*> {};

TEST_P(Kernels, StayWithinTheErrorTheyPromise) {
  const DistanceKernels& kernels = *GetParam();
  std::mt19937_64 random(TestSeed());
  for (const std::size_t n : {16U, 32U, 48U, 64U, 80U, 112U, 512U, 1'024U, 8'192U}) {
    constexpr std::size_t kRows = 5;
    const Vector query = RandomVector(random, static_cast<int>(n));
    Vector rows = RandomVector(random, static_cast<int>(kRows * n));
    // A row all but equal to the query, where l2 cancels, and one where the dot product does.
    for (std::size_t i = 0; i < n; ++i) {
      rows[i] = std::nextafter(query[i], kInfinity);
      rows[n + i] = i % 2 == 0 ? query[i ^ 1U] : -query[i ^ 1U];
    }
    Vector l2(kRows);
    Vector dot(kRows);
    kernels.squared_l2(query, rows.data(), l2);
    kernels.dot(query, rows.data(), dot);
    for (std::size_t row = 0; row < kRows; ++row) {
      const Sums sums = SumsOf(query.data(), rows.data() + row * n, n);
      EXPECT_NEAR(static_cast<double>(l2[row]), sums.l2, KernelError(n) / 2 * sums.l2)
          << n << " row " << row;
      EXPECT_NEAR(static_cast<double>(dot[row]), sums.dot, KernelError(n) / 2 * sums.magnitude)
          << n << " row " << row;
    }
  }
}

TEST_P(Kernels, NeitherNeedAlignmentNorTouchWhatIsBeyondTheRows) {
  const DistanceKernels& kernels = *GetParam();
  // Vectors end where their memory does, so the address sanitizer sees a read too many.
  for (const std::size_t n : {16U, 48U, 64U, 80U}) {
    Vector query(n + 1, 1);
    Vector rows(2 * n + 1, 3);
    Vector sums(3, -1);
    kernels.squared_l2(std::span(query).subspan(1), rows.data() + 1, std::span(sums).first(2));
    EXPECT_EQ(sums, (Vector{4.0F * static_cast<float>(n), 4.0F * static_cast<float>(n), -1}));
    kernels.dot(std::span(query).subspan(1), rows.data() + 1, std::span(sums).first(2));
    EXPECT_EQ(sums, (Vector{3.0F * static_cast<float>(n), 3.0F * static_cast<float>(n), -1}));
  }
}

TEST_P(Kernels, OverflowToInfinityOrNan) {
  const DistanceKernels& kernels = *GetParam();
  const Vector query(64, kHuge);
  Vector rows(64, -kHuge);
  float sum = 0;
  kernels.squared_l2(query, rows.data(), {&sum, 1});
  EXPECT_FALSE(std::isfinite(sum));
  for (std::size_t i = 0; i < rows.size(); i += 2) {
    rows[i] = kHuge;
  }
  kernels.dot(query, rows.data(), {&sum, 1});
  EXPECT_FALSE(std::isfinite(sum));
}

INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::ValuesIn(SupportedKernels()),
                         [](const auto& kernels) { return std::string(kernels.param->isa); });

TEST(BestKernels, AreTheFirstOfTheSupportedOnes) {
  const std::vector<const DistanceKernels*> supported = SupportedKernels();
  EXPECT_EQ(&BestKernels(), supported.front());
  EXPECT_EQ(supported.back()->isa, "generic");
}

}  // namespace
}  // namespace embeddingsdb
