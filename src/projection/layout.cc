// SPDX-License-Identifier: BSD-3-Clause
#include "projection/layout.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace embeddingsdb {
namespace {

constexpr std::size_t kManyRows = 10'000;
constexpr int kEpochs = 500;
constexpr int kEpochsOfMany = 200;
constexpr int kPushes = 5;         // for each pull
constexpr float kLongestStep = 4;  // of one force along an axis
constexpr float kExtent = 10;      // how far the start reaches from the middle
constexpr float kNoise = 1e-2F;    // equal points would never part
constexpr int kBisections = 64;

/// Two rows that draw each other.
struct Edge {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  float weight = 0;
};

/// How fast nearness fades around a row: such that its neighbours count as log2 of their number,
/// whether they are near or far.
struct Fading {
  double nearest = 0;
  double scale = 1;

  double Weight(double distance) const {
    return std::exp(-std::max(0.0, distance - nearest) / scale);
  }
};

Fading FadingOf(std::span<const Neighbour> near) {
  const auto first =
      std::ranges::find_if(near, [](const Neighbour& other) { return other.distance > 0; });
  if (first == near.end()) {
    return {};
  }
  Fading fading{.nearest = static_cast<double>(first->distance)};
  const double wanted = std::log2(static_cast<double>(near.size()));
  const auto farthest = static_cast<double>(near.back().distance);
  double low = 0;
  double high = 1'000 * farthest;
  for (int time = 0; time < kBisections; ++time) {
    fading.scale = (low + high) / 2;
    double sum = 0;
    for (const Neighbour& other : near) {
      sum += fading.Weight(static_cast<double>(other.distance));
    }
    (sum > wanted ? high : low) = fading.scale;
  }
  // Where most are equally near no scale is small enough.
  fading.scale = std::max(fading.scale, 1e-3 * farthest);
  return fading;
}

/// The edges of both directions as one: near is what either of the two rows finds near.
std::vector<Edge> EdgesOf(const Neighbours& neighbours) {
  std::vector<Edge> edges;
  edges.reserve(neighbours.all.size());
  for (std::size_t row = 0; row < neighbours.rows(); ++row) {
    const Fading fading = FadingOf(neighbours[row]);
    const auto own = static_cast<std::uint32_t>(row);
    for (const Neighbour& other : neighbours[row]) {
      edges.push_back(
          {.a = std::min(own, other.row),
           .b = std::max(own, other.row),
           .weight = static_cast<float>(fading.Weight(static_cast<double>(other.distance)))});
    }
  }
  std::ranges::sort(edges, [](const Edge& left, const Edge& right) {
    return std::tie(left.a, left.b, left.weight) < std::tie(right.a, right.b, right.weight);
  });
  std::size_t kept = 0;
  for (const Edge& edge : edges) {
    if (kept > 0 && edges[kept - 1].a == edge.a && edges[kept - 1].b == edge.b) {
      float& weight = edges[kept - 1].weight;
      weight = weight + edge.weight - weight * edge.weight;
    } else {
      edges[kept++] = edge;
    }
  }
  edges.resize(kept);
  return edges;
}

std::vector<Point> Spread(std::span<const Point> start, Random& random) {
  float largest = 0;
  for (const Point& point : start) {
    largest = std::max({largest, std::abs(point.x), std::abs(point.y)});
  }
  const float factor = largest > 0 ? kExtent / largest : 0;
  std::vector<Point> points;
  points.reserve(start.size());
  for (const Point& point : start) {
    const float x = point.x * factor + kNoise * random.Symmetric();
    const float y = point.y * factor + kNoise * random.Symmetric();
    points.push_back({.x = x, .y = y});
  }
  return points;
}

float Step(float force) {
  return std::clamp(force, -kLongestStep, kLongestStep);
}

/// Moves points; a step is the larger the earlier it is.
class Forces {
 public:
  Forces(std::vector<Point>& points, Random& random) : points_(points), random_(random) {}

  void set_rate(float rate) { rate_ = rate; }

  void Pull(const Edge& edge) {
    Point& a = points_[edge.a];
    Point& b = points_[edge.b];
    const float x = a.x - b.x;
    const float y = a.y - b.y;
    const float force = -2 / (1 + x * x + y * y);
    const Point step{.x = rate_ * Step(force * x), .y = rate_ * Step(force * y)};
    a = {.x = a.x + step.x, .y = a.y + step.y};
    b = {.x = b.x - step.x, .y = b.y - step.y};
  }

  void Push(std::uint32_t row) {
    Point& own = points_[row];
    const auto count = static_cast<std::uint32_t>(points_.size());
    for (int time = 0; time < kPushes; ++time) {
      const std::uint32_t other = random_.Below(count);
      if (other == row) {
        continue;
      }
      const float x = own.x - points_[other].x;
      const float y = own.y - points_[other].y;
      const float square = x * x + y * y;
      const float force = 2 / ((0.001F + square) * (1 + square));
      own = {.x = own.x + rate_ * Step(force * x), .y = own.y + rate_ * Step(force * y)};
    }
  }

 private:
  std::vector<Point>& points_;
  Random& random_;
  float rate_ = 1;
};

}  // namespace

Result<std::vector<Point>> NeighbourLayout(const Neighbours& neighbours,
                                           std::span<const Point> start,
                                           const LayoutOptions& options) {
  Random random(options.seed);
  std::vector<Point> points = Spread(start, random);
  const std::vector<Edge> edges = EdgesOf(neighbours);
  float heaviest = 0;
  for (const Edge& edge : edges) {
    heaviest = std::max(heaviest, edge.weight);
  }
  const int epochs = options.epochs > 0          ? options.epochs
                     : points.size() > kManyRows ? kEpochsOfMany
                                                 : kEpochs;
  // An edge's turn comes as often as its weight is large.
  std::vector<float> due(edges.size());
  Forces forces(points, random);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    if (options.stop.stop_requested()) {
      return CancelledError("the layout was stopped");
    }
    forces.set_rate(1 - static_cast<float>(epoch) / static_cast<float>(epochs));
    for (std::size_t i = 0; i < edges.size(); ++i) {
      due[i] += edges[i].weight / heaviest;
      if (due[i] < 1) {
        continue;
      }
      due[i] -= 1;
      forces.Pull(edges[i]);
      forces.Push(edges[i].a);
      forces.Push(edges[i].b);
    }
  }
  return points;
}

}  // namespace embeddingsdb
