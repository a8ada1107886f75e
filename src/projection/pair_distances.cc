// SPDX-License-Identifier: BSD-3-Clause
#include "projection/pair_distances.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

#include "index/distance.h"

namespace embeddingsdb {
namespace {

constexpr std::uint64_t kSeed = 1;

}  // namespace

std::vector<float> PairDistances(Metric metric, const Rows& rows, std::size_t most) {
  const std::size_t count = rows.size();
  std::vector<std::size_t> circle(count);
  std::iota(circle.begin(), circle.end(), std::size_t{0});
  Random random(kSeed);
  for (std::size_t left = count; left > 1; --left) {
    std::swap(circle[left - 1], circle[random.Below(static_cast<std::uint32_t>(left))]);
  }
  const std::size_t wanted = count < 2 ? 0 : std::min(most, count * (count - 1) / 2);
  std::vector<float> distances;
  distances.reserve(wanted);
  // Each with the next in a circle, then with the one after that: no pair comes twice.
  for (std::size_t step = 1; distances.size() < wanted; ++step) {
    for (std::size_t at = 0; at < count && distances.size() < wanted; ++at) {
      distances.push_back(
          ExactDistance(metric, rows[circle[at]], rows[circle[(at + step) % count]]));
    }
  }
  std::ranges::sort(distances);
  return distances;
}

}  // namespace embeddingsdb
