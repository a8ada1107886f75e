// SPDX-License-Identifier: BSD-3-Clause
#include "index/vector_codec.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace embeddingsdb {
namespace {

std::vector<std::byte> Encode(const VectorCodec& codec, const std::vector<float>& vector) {
  std::vector<std::byte> code(codec.stride());
  codec.Encode(vector, code);
  return code;
}

float Compare(const VectorCodec& codec, const std::vector<float>& a, const std::vector<float>& b) {
  return codec.Compare(Encode(codec, a).data(), Encode(codec, b).data());
}

std::vector<float> RandomVector(std::mt19937& random, int dimension) {
  std::normal_distribution<float> gauss;
  std::vector<float> vector(static_cast<std::size_t>(dimension));
  std::generate(vector.begin(), vector.end(), [&] { return gauss(random); });
  return vector;
}

struct Case {
  Metric metric;
  Precision precision;
  float error;  ///< of a distance, relative to the vectors' squared length
};

class VectorCodecTest : public ::testing::TestWithParam<Case> {};

TEST_P(VectorCodecTest, ComparesNearlyAsTheMetric) {
  const auto [metric, precision, error] = GetParam();
  std::mt19937 random(7);
  for (const int dimension : {1, 2, 3, 7, 15, 16, 17, 63, 64, 65, 384, 512, 1'000}) {
    const VectorCodec codec(metric, precision, dimension);
    EXPECT_EQ(codec.stride() % 16, 0U);
    for (int round = 0; round < 20; ++round) {
      const std::vector<float> a = RandomVector(random, dimension);
      const std::vector<float> b = RandomVector(random, dimension);
      const float exact = ExactDistance(metric, a, b);
      // Directions a distance d apart have the cosine distance d * d / 2.
      const float expected = !codec.compares_squares()   ? exact
                             : metric == Metric::kCosine ? 2 * exact
                                                         : exact * exact;
      const float scale = metric == Metric::kCosine ? 1 : static_cast<float>(dimension);
      EXPECT_NEAR(Compare(codec, a, b), expected, error * scale + 1e-5F) << dimension;
    }
  }
}

TEST_P(VectorCodecTest, AVectorIsNearestToItself) {
  const auto [metric, precision, error] = GetParam();
  if (metric == Metric::kInnerProduct) {
    return;  // a longer vector may have a larger product
  }
  std::mt19937 random(8);
  const VectorCodec codec(metric, precision, 64);
  for (int round = 0; round < 50; ++round) {
    const std::vector<float> a = RandomVector(random, 64);
    const std::vector<float> b = RandomVector(random, 64);
    EXPECT_LT(Compare(codec, a, a), Compare(codec, a, b));
  }
}

TEST_P(VectorCodecTest, IsFiniteForWhateverIsFinite) {
  const auto [metric, precision, error] = GetParam();
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  const VectorCodec codec(metric, precision, 3);
  const std::vector<std::vector<float>> extremes = {
      {0, 0, 0}, {kMax, kMax, kMax}, {-kMax, kMax, -kMax}, {kTiny, 0, -kTiny}, {kMax, kTiny, 1}};
  for (const auto& a : extremes) {
    for (const auto& b : extremes) {
      EXPECT_TRUE(std::isfinite(Compare(codec, a, b)));
    }
  }
}

TEST_P(VectorCodecTest, RunsInVectorInstructions) {
  const VectorCodec codec(GetParam().metric, GetParam().precision, 8);
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) {
    GTEST_SKIP() << "this processor has none we know";
  }
  EXPECT_NE(codec.isa(), "serial");
#endif
  EXPECT_FALSE(codec.isa().empty());
}

INSTANTIATE_TEST_SUITE_P(All, VectorCodecTest,
                         ::testing::Values(Case{Metric::kL2, Precision::kF32, 1e-5F},
                                           Case{Metric::kCosine, Precision::kF32, 1e-5F},
                                           Case{Metric::kInnerProduct, Precision::kF32, 1e-5F},
                                           Case{Metric::kL2, Precision::kBf16, 0.05F},
                                           Case{Metric::kCosine, Precision::kBf16, 0.02F},
                                           Case{Metric::kInnerProduct, Precision::kBf16, 0.05F},
                                           Case{Metric::kL2, Precision::kF16, 0.01F},
                                           Case{Metric::kCosine, Precision::kF16, 0.005F},
                                           Case{Metric::kInnerProduct, Precision::kF16, 0.01F},
                                           Case{Metric::kL2, Precision::kI8, 0.1F},
                                           Case{Metric::kCosine, Precision::kI8, 0.05F},
                                           Case{Metric::kInnerProduct, Precision::kI8, 0.1F}));

TEST(VectorCodec, Bf16RoundsToNearestAndStaysFinite) {
  const VectorCodec codec(Metric::kInnerProduct, Precision::kBf16, 1);
  const auto bits = [&](float value) {
    const std::vector<std::byte> code = Encode(codec, {value});
    return static_cast<int>(code[0]) | static_cast<int>(code[1]) << 8;
  };
  EXPECT_EQ(bits(1.0F), 0x3f80);
  EXPECT_EQ(bits(-1.0F), 0xbf80);
  EXPECT_EQ(bits(1.0F + 0x1p-8F), 0x3f80);             // a tie: to the even neighbour
  EXPECT_EQ(bits(1.0F + 0x1p-8F + 0x1p-20F), 0x3f81);  // above it
  EXPECT_EQ(bits(1.0F + 3 * 0x1p-8F), 0x3f82);         // a tie: to the even neighbour
  EXPECT_EQ(bits(std::numeric_limits<float>::max()), 0x7f7f);
}

}  // namespace
}  // namespace embeddingsdb
