// SPDX-License-Identifier: BSD-3-Clause
#include "index/sketches.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>
#include <tuple>
#include <vector>

#include "index/code_query.h"
#include "index/coded_rows.h"
#include "support/records.h"

namespace embeddingsdb {
namespace {

using Vector = std::vector<float>;

double Dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(RotationTest, KeepsLengthsAndAnglesAndSpreadsWhatIsInOnePlace) {
  std::mt19937 random(3);
  std::normal_distribution<float> gauss;
  for (const std::size_t dimension : {1U, 128U, 200U, 1'024U}) {
    const Rotation rotation(dimension);
    EXPECT_GE(rotation.size(), dimension);
    Vector a(rotation.size());
    Vector b(rotation.size());
    std::generate_n(a.begin(), dimension, [&] { return gauss(random); });
    std::generate_n(b.begin(), dimension, [&] { return gauss(random); });
    const double length = Dot(a, a);
    const double dot = Dot(a, b);
    rotation.Apply(a);
    rotation.Apply(b);
    EXPECT_NEAR(Dot(a, a), length, 1e-4 * length);
    EXPECT_NEAR(Dot(a, b), dot, 1e-4 * length);
    Vector one(rotation.size());
    one[0] = 1;
    rotation.Apply(one);
    for (const float element : one) {
      EXPECT_LT(std::abs(element) * std::sqrt(static_cast<float>(rotation.size())), 6.0F);
    }
  }
}

class SketchesTest
    : public testing::TestWithParam<std::tuple<Metric, Precision, int /*dimension*/>> {
 protected:
  /// Pairs of neighbours in a cone, as models make them.
  void Fill(std::size_t count) {
    const Vector centre = Random(2.0F);
    for (std::size_t i = 0; i < count; ++i) {
      Vector row = i % 2 == 0 ? Random(1.0F) : last_;
      const Vector noise = Random(i % 2 == 0 ? 0.0F : 0.2F);
      for (std::size_t j = 0; j < row.size(); ++j) {
        row[j] += noise[j] + (i % 2 == 0 ? centre[j] : 0.0F);
      }
      last_ = row;
      const auto id = static_cast<RowId>(rows_.size() + 1);
      ASSERT_OK(rows_.Append({.id = id, .provider = "p", .depiction_id = "d"}, row));
    }
  }
  Vector Random(float scale) {
    std::normal_distribution<float> gauss(0, 1);
    Vector vector(codec_->dimension());
    std::generate(vector.begin(), vector.end(), [&] { return scale * gauss(random_); });
    return vector;
  }
  CodeSet codes() const { return {*codec_, rows_.codes()}; }
  std::shared_ptr<const Sketches> Make(const Sketches* before = nullptr) const {
    return Sketches::Make(codes(), rows_.size(), before, {.threads = 2}).value();
  }

  std::mt19937 random_{7};
  Vector last_;
  std::shared_ptr<const VectorCodec> codec_ = std::make_shared<const VectorCodec>(
      std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam()));
  CodedRows rows_{codec_};
};

TEST_P(SketchesTest, GuessesAreCloseAndTheLowerBoundHolds) {
  constexpr std::size_t kRows = 4'000;
  Fill(kRows);
  ASSERT_TRUE(Sketches::AreWorthwhile(*codec_));
  const auto sketches = Make();
  ASSERT_EQ(sketches->size(), kRows);
  double squared_error = 0;
  double spread = 0;
  std::size_t ruled_out = 0;
  std::size_t pairs = 0;
  for (std::size_t q = 0; q < kRows; q += 200) {
    const std::byte* const query = rows_.codes().at(static_cast<Slot>(q));
    const SketchQuery sketched(*sketches, *codec_, query);
    const float neighbour = codes().Compare(query, static_cast<Slot>(q + 1));
    for (std::size_t i = 0; i < kRows; ++i) {
      const auto slot = static_cast<Slot>(i);
      const float compared = codes().Compare(query, slot);
      const SketchQuery::Guess guess = sketched.Of(slot, rows_.facts(slot).norm);
      ASSERT_LE(guess.low, compared) << q << " and " << i;
      squared_error += std::pow(static_cast<double>(guess.compared - compared), 2);
      spread += std::pow(static_cast<double>(compared - neighbour), 2);
      ruled_out += guess.low > neighbour ? 1U : 0U;
      ++pairs;
    }
  }
  EXPECT_LT(std::sqrt(squared_error / spread), 0.2);
  // What is worth the trouble: nearly all need not be compared once a neighbour is known.
  EXPECT_GT(static_cast<double>(ruled_out) / static_cast<double>(pairs), 0.9);
}

TEST_P(SketchesTest, GrowWithoutChangingWhatIsThere) {
  Fill(1'500);
  const auto before = Make();
  Fill(700);
  const auto after = Make(before.get());
  ASSERT_EQ(after->size(), 2'200U);
  EXPECT_TRUE(std::equal(before->bytes().begin(), before->bytes().end(), after->bytes().begin()));
  EXPECT_TRUE(std::equal(before->centre().begin(), before->centre().end(), after->centre().begin(),
                         after->centre().end()));
  // As they would be from a file.
  const Sketches mapped(*codec_, after->centre(), after->bytes(), after);
  const std::byte* const query = rows_.codes().at(2'000);
  const SketchQuery a(*after, *codec_, query);
  const SketchQuery b(mapped, *codec_, query);
  for (const Slot slot : {0U, 1'700U, 2'001U}) {
    EXPECT_EQ(a.Of(slot, rows_.facts(slot).norm).low, b.Of(slot, rows_.facts(slot).norm).low);
    EXPECT_LE(a.Of(slot, rows_.facts(slot).norm).low, codes().Compare(query, slot));
  }
}

TEST_P(SketchesTest, EqualRowsAndZerosAreNoTrouble) {
  const Vector one = Random(1.0F);
  const Vector zero(codec_->dimension());
  for (RowId id = 1; id <= 20; ++id) {
    ASSERT_OK(rows_.Append({.id = id, .provider = "p", .depiction_id = "d"}, id < 20 ? one : zero));
  }
  const auto sketches = Make();
  for (const Vector& vector : {one, zero}) {
    const CodeQuery query(*codec_, vector);
    const SketchQuery sketched(*sketches, *codec_, query.code());
    for (Slot slot = 0; slot < rows_.size(); ++slot) {
      const SketchQuery::Guess guess = sketched.Of(slot, rows_.facts(slot).norm);
      EXPECT_TRUE(std::isfinite(guess.low));
      EXPECT_LE(guess.low, codes().Compare(query.code(), slot));
    }
  }
}

TEST_P(SketchesTest, StopWhenAsked) {
  Fill(10);
  const std::stop_token stop = [] {
    std::stop_source source;
    source.request_stop();
    return source.get_token();
  }();
  EXPECT_EQ(Sketches::Make(codes(), rows_.size(), nullptr, {.stop = stop}).status().code(),
            StatusCode::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(
    All, SketchesTest,
    testing::Combine(testing::Values(Metric::kL2, Metric::kCosine, Metric::kInnerProduct),
                     testing::Values(Precision::kBf16, Precision::kF32, Precision::kI8),
                     testing::Values(384, 512)));

TEST(Sketches, AreNotWorthItForShortCodes) {
  EXPECT_FALSE(Sketches::AreWorthwhile(VectorCodec(Metric::kL2, Precision::kF32, 64)));
  EXPECT_FALSE(Sketches::AreWorthwhile(VectorCodec(Metric::kL2, Precision::kI8, 129)));
  EXPECT_TRUE(Sketches::AreWorthwhile(VectorCodec(Metric::kL2, Precision::kBf16, 512)));
}

}  // namespace
}  // namespace embeddingsdb
