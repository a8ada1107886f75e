// SPDX-License-Identifier: BSD-3-Clause
//
// Projections into the plane: what they keep of the vectors' neighbourhoods, odd input, stopping.
#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "projection/layout.h"
#include "projection/neighbours.h"
#include "projection/pair_distances.h"
#include "projection/pca.h"
#include "projection/rows.h"

namespace embeddingsdb {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t kClusters = 12;

float Gauss(Random& random) {
  float sum = 0;
  for (int i = 0; i < 12; ++i) {
    sum += random.Symmetric();
  }
  return sum / 2;
}

/// Clusters around random centres, one after the other in turn, far from 0.
Rows Clustered(std::size_t count, std::size_t dimension) {
  Random random(7);
  std::vector<std::vector<float>> centres(kClusters, std::vector<float>(dimension));
  for (std::vector<float>& centre : centres) {
    std::ranges::generate(centre, [&] { return 3 * random.Symmetric() + 100; });
  }
  Rows rows(dimension);
  std::vector<float> row(dimension);
  for (std::size_t i = 0; i < count; ++i) {
    std::ranges::transform(centres[i % kClusters], row.begin(),
                           [&](float element) { return element + 0.5F * Gauss(random); });
    rows.Append(row);
  }
  rows.Centre();
  return rows;
}

Rows RowsOf(std::span<const Point> points) {
  Rows rows(2);
  for (const Point& point : points) {
    rows.Append(std::vector<float>{point.x, point.y});
  }
  return rows;
}

/// Which part of each row's ten nearest are among its ten nearest in the plane.
double Kept(const Rows& rows, std::span<const Point> points) {
  const Neighbours before = NearestNeighbours(rows, {.count = 10}).value();
  const Neighbours after = NearestNeighbours(RowsOf(points), {.count = 10}).value();
  std::size_t kept = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const Neighbour& near : before[row]) {
      kept += static_cast<std::size_t>(std::ranges::count(after[row], near.row, &Neighbour::row));
    }
  }
  return static_cast<double>(kept) / static_cast<double>(10 * rows.size());
}

/// Venna and Kaski, "Neighborhood preservation in nonlinear projection methods", 2001: 1 when no
/// row has a neighbour in the plane that is none of its own ten.
double Trustworthiness(const Rows& rows, std::span<const Point> points) {
  constexpr std::size_t kNear = 10;
  const Neighbours all = NearestNeighbours(rows, {.count = rows.size() - 1}).value();
  const Neighbours after = NearestNeighbours(RowsOf(points), {.count = kNear}).value();
  double strangers = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const Neighbour& near : after[row]) {
      const auto found = std::ranges::find(all[row], near.row, &Neighbour::row);
      const auto rank = static_cast<double>(found - all[row].begin()) + 1;
      strangers += std::max(0.0, rank - static_cast<double>(kNear));
    }
  }
  const auto n = static_cast<double>(rows.size());
  const auto k = static_cast<double>(kNear);
  return 1 - strangers * 2 / (n * k * (2 * n - 3 * k - 1));
}

std::vector<Point> LayoutOf(const Rows& rows) {
  const std::vector<Point> start = PcaPoints(rows, {}).value();
  return NeighbourLayout(NearestNeighbours(rows, {}).value(), start, {}).value();
}

bool IsFinite(const Point& point) {
  return std::isfinite(point.x) && std::isfinite(point.y);
}

MATCHER(Finite, "") {
  return IsFinite(arg);
}

double Length(std::span<const float> row) {
  return std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
}

TEST(Rows, AreCentredAndScaled) {
  Rows rows(3);
  rows.Append(std::vector<float>{1, 5, -3e38F});
  rows.Append(std::vector<float>{3, 5, 3e38F});
  EXPECT_EQ(rows.stride(), 16U);
  const Centring centring = rows.Centre();
  EXPECT_EQ(rows[0][2], -1);
  EXPECT_EQ(rows[1][2], 1);
  EXPECT_EQ(rows[0][1], 0);
  std::vector<float> other = {3, 5, 3e38F};
  centring.Apply(other);
  EXPECT_TRUE(std::ranges::equal(other, rows[1].first(3)));
  Rows equal(1);
  equal.Append(std::vector<float>{7});
  other = {9};
  equal.Centre().Apply(other);
  EXPECT_EQ(other[0], 0);
  Rows small(1);
  small.Append(std::vector<float>{1e-40F});
  small.Append(std::vector<float>{3e-40F});
  small.Centre();
  EXPECT_NEAR(small[1][0], 1, 1e-3);
}

TEST(Pca, PlacesOneByOneAsAllAtOnce) {
  Random random(5);
  Rows rows(20);
  std::vector<std::vector<float>> vectors(50, std::vector<float>(20));
  for (std::vector<float>& vector : vectors) {
    std::ranges::generate(vector, [&] { return 7 + random.Symmetric(); });
    rows.Append(vector);
  }
  const PcaOptions options = {.components = 3};
  Result<Projector> projector = Projector::Create(rows, options);
  ASSERT_TRUE(projector.ok());
  EXPECT_EQ(projector->dimension(), 20U);
  rows.Centre();
  const Rows projected = Project(rows, *PrincipalDirections(rows, options), {}).value();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    EXPECT_TRUE(std::ranges::equal(projector->Project(vectors[row]), projected[row].first(3)));
  }
}

TEST(Pca, FindsTheDirectionsOfMostVariance) {
  // Variances 9, 4 and 1 along three directions that are no axes, little else.
  constexpr std::size_t kDimension = 40;
  Random random(3);
  Rows axes(kDimension);
  for (const std::size_t shape : {0U, 1U, 2U}) {
    std::vector<float> axis(kDimension);
    for (std::size_t i = 0; i < kDimension; ++i) {
      axis[i] =
          std::cos(static_cast<float>((shape + 1) * (2 * i + 1)) * 3.14159265F / (2 * kDimension)) *
          std::sqrt(2.0F / kDimension);
    }
    axes.Append(axis);
  }
  Rows rows(kDimension);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<float> row(kDimension);
    for (std::size_t shape = 0; shape < 3; ++shape) {
      const float along = static_cast<float>(3 - shape) * Gauss(random);
      for (std::size_t j = 0; j < kDimension; ++j) {
        row[j] += along * axes[shape][j] + 0.01F * random.Symmetric();
      }
    }
    rows.Append(row);
  }
  rows.Centre();
  const Rows found = PrincipalDirections(rows, {.components = 3}).value();
  for (std::size_t shape = 0; shape < 3; ++shape) {
    const double cosine =
        std::inner_product(found[shape].begin(), found[shape].end(), axes[shape].begin(), 0.0);
    EXPECT_GT(std::abs(cosine), 0.99) << shape;
    EXPECT_NEAR(Length(found[shape]), 1, 1e-4);
  }
  const Rows sampled = PrincipalDirections(rows, {.components = 1, .sample = 500}).value();
  EXPECT_GT(
      std::abs(std::inner_product(sampled[0].begin(), sampled[0].end(), axes[0].begin(), 0.0)),
      0.97);
}

TEST(Neighbours, AreTheSameFromTheGraph) {
  const Rows rows = Clustered(2'000, 100);
  const Neighbours exact = NearestNeighbours(rows, {.count = 10}).value();
  const Neighbours found = NearestNeighbours(rows, {.count = 10, .exact_rows = 100}).value();
  ASSERT_EQ(found.rows(), rows.size());
  std::size_t same = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    EXPECT_THAT(found[row],
                Each(::testing::Field(&Neighbour::row, Not(static_cast<std::uint32_t>(row)))));
    EXPECT_TRUE(std::ranges::is_sorted(found[row], {}, &Neighbour::distance));
    for (const Neighbour& near : exact[row]) {
      same += static_cast<std::size_t>(std::ranges::count(found[row], near.row, &Neighbour::row));
    }
  }
  // What 64 of the 100 components tell of clusters that are round.
  EXPECT_GT(static_cast<double>(same) / static_cast<double>(exact.all.size()), 0.4);
  const Rows narrow = Clustered(2'000, 20);
  const Neighbours truly = NearestNeighbours(narrow, {.count = 10}).value();
  const Neighbours walked = NearestNeighbours(narrow, {.count = 10, .exact_rows = 100}).value();
  std::size_t equal = 0;
  for (std::size_t i = 0; i < truly.all.size(); ++i) {
    equal += truly.all[i].row == walked.all[i].row ? 1U : 0U;
  }
  EXPECT_GT(static_cast<double>(equal) / static_cast<double>(truly.all.size()), 0.95);
}

TEST(Neighbours, EqualRowsHaveAsMany) {
  Rows rows(4);
  for (int i = 0; i < 300; ++i) {
    rows.Append(std::vector<float>{1, 2, 3, 4});
  }
  rows.Centre();
  for (const std::size_t exact : {std::size_t{10}, std::size_t{1'000}}) {
    const Neighbours found = NearestNeighbours(rows, {.count = 15, .exact_rows = exact}).value();
    ASSERT_EQ(found.all.size(), 300U * 15U);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      EXPECT_THAT(found[row],
                  Each(::testing::Field(&Neighbour::row, Not(static_cast<std::uint32_t>(row)))));
      EXPECT_THAT(found[row], Each(::testing::Field(&Neighbour::distance, 0)));
    }
  }
}

TEST(Layout, KeepsNeighboursThatPcaLoses) {
  const Rows rows = Clustered(600, 50);
  const std::vector<Point> pca = PcaPoints(rows, {}).value();
  const std::vector<Point> layout = LayoutOf(rows);
  EXPECT_THAT(layout, Each(Finite()));
  EXPECT_GT(Kept(rows, layout), 1.4 * Kept(rows, pca));
  EXPECT_GT(Trustworthiness(rows, layout), Trustworthiness(rows, pca) + 0.02);
  EXPECT_GT(Trustworthiness(rows, layout), 0.95);
}

TEST(Layout, ClustersStayApart) {
  const Rows rows = Clustered(600, 50);
  const std::vector<Point> layout = LayoutOf(rows);
  const Neighbours near = NearestNeighbours(RowsOf(layout), {.count = 5}).value();
  std::size_t strangers = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const Neighbour& other : near[row]) {
      strangers += other.row % kClusters == row % kClusters ? 0U : 1U;
    }
  }
  EXPECT_LT(strangers, 30U);
}

// Canary: a layout of other neighbours than the rows' own is found to be none.
TEST(Layout, OfOtherNeighboursIsNoticed) {
  const Rows rows = Clustered(600, 50);
  const std::vector<Point> pca = PcaPoints(rows, {}).value();
  Neighbours wrong = NearestNeighbours(rows, {}).value();
  Random random(5);
  for (std::size_t i = 0; i < wrong.all.size(); ++i) {
    const auto row = static_cast<std::uint32_t>(i / wrong.each);
    wrong.all[i].row = (row + 1 + random.Below(599)) % 600;
  }
  const std::vector<Point> layout = NeighbourLayout(wrong, pca, {}).value();
  EXPECT_LT(Trustworthiness(rows, layout), 0.8);
  EXPECT_LT(Kept(rows, layout), Kept(rows, pca));
}

TEST(Projection, IsTheSameEachTime) {
  const Rows rows = Clustered(500, 70);
  EXPECT_EQ(PcaPoints(rows, {}).value(), PcaPoints(rows, {}).value());
  const NeighbourOptions graph = {.exact_rows = 10};
  const Neighbours near = NearestNeighbours(rows, graph).value();
  EXPECT_EQ(near.all, NearestNeighbours(rows, graph).value().all);
  const std::vector<Point> start = PcaPoints(rows, {}).value();
  const std::vector<Point> layout = NeighbourLayout(near, start, {}).value();
  EXPECT_EQ(layout, NeighbourLayout(near, start, {}).value());
  EXPECT_NE(layout, NeighbourLayout(near, start, {.seed = 2}).value());
}

TEST(Projection, OddInputGivesPoints) {
  for (const std::size_t dimension : {std::size_t{1}, std::size_t{2}, std::size_t{8'192}}) {
    for (const std::size_t count : {0U, 1U, 2U, 3U, 17U}) {
      for (const float step : {0.0F, 1.0F, 1e37F}) {
        Rows rows(dimension);
        for (std::size_t i = 0; i < count; ++i) {
          rows.Append(std::vector<float>(dimension, static_cast<float>(i) * step));
        }
        rows.Centre();
        const std::vector<Point> pca = PcaPoints(rows, {}).value();
        EXPECT_EQ(pca.size(), count);
        EXPECT_THAT(pca, Each(Finite()));
        const std::vector<Point> layout = LayoutOf(rows);
        EXPECT_EQ(layout.size(), count);
        EXPECT_THAT(layout, Each(Finite()));
      }
    }
  }
}

TEST(Projection, EqualRowsPart) {
  Rows rows(3);
  for (int i = 0; i < 100; ++i) {
    rows.Append(std::vector<float>{1, 1, 1});
  }
  rows.Centre();
  std::set<float> places;
  for (const Point& point : LayoutOf(rows)) {
    places.insert(point.x);
  }
  EXPECT_GT(places.size(), 90U);
}

TEST(Projection, CanBeStopped) {
  std::stop_source source;
  source.request_stop();
  const std::stop_token stop = source.get_token();
  const Rows rows = Clustered(200, 20);
  const std::vector<Point> start = PcaPoints(rows, {}).value();
  const Neighbours near = NearestNeighbours(rows, {}).value();
  EXPECT_EQ(PcaPoints(rows, stop).status().code(), StatusCode::kCancelled);
  for (const std::size_t exact : {std::size_t{10}, std::size_t{1'000}}) {
    EXPECT_EQ(NearestNeighbours(rows, {.exact_rows = exact, .stop = stop}).status().code(),
              StatusCode::kCancelled);
  }
  EXPECT_EQ(NeighbourLayout(near, start, {.stop = stop}).status().code(), StatusCode::kCancelled);
}

Rows RowsFrom(const std::vector<std::vector<float>>& vectors) {
  Rows rows(vectors[0].size());
  for (const std::vector<float>& vector : vectors) {
    rows.Append(vector);
  }
  return rows;
}

TEST(PairDistances, HasNoPairTwice) {
  for (const std::size_t count : {2U, 3U, 4U, 9U, 12U}) {
    Rows rows(1);
    std::set<float> all;  // differences of powers of two are different
    for (std::size_t i = 0; i < count; ++i) {
      rows.Append(std::vector<float>{static_cast<float>(1U << i)});
      for (std::size_t j = 0; j < i; ++j) {
        all.insert(static_cast<float>((1U << i) - (1U << j)));
      }
    }
    EXPECT_EQ(PairDistances(Metric::kL2, rows, 1'000), std::vector(all.begin(), all.end()));
    const std::vector<float> some = PairDistances(Metric::kL2, rows, count);
    EXPECT_EQ(std::set(some.begin(), some.end()).size(), std::min(count, all.size()));
    EXPECT_TRUE(std::ranges::is_sorted(some));
  }
  EXPECT_THAT(PairDistances(Metric::kL2, Rows(3), 10), IsEmpty());
  EXPECT_THAT(PairDistances(Metric::kL2, RowsFrom({{1, 2}}), 10), IsEmpty());
}

TEST(PairDistances, AreOfTheMetric) {
  const Rows rows = RowsFrom({{1, 0, 0}, {0, 2, 0}});
  EXPECT_THAT(PairDistances(Metric::kL2, rows, 10), ElementsAre(std::sqrt(5.0F)));
  EXPECT_THAT(PairDistances(Metric::kCosine, rows, 10), ElementsAre(1));
  EXPECT_THAT(PairDistances(Metric::kInnerProduct, RowsFrom({{1, 3}, {2, 2}}), 10),
              ElementsAre(-7));
  // Zero vectors have no direction, and equal ones no distance.
  EXPECT_THAT(PairDistances(Metric::kCosine, RowsFrom({{0, 0}, {0, 0}, {1, 0}}), 10), Each(1));
  EXPECT_THAT(PairDistances(Metric::kL2, RowsFrom({{3, 4}, {3, 4}, {3, 4}}), 10), Each(0));
}

}  // namespace
}  // namespace embeddingsdb
