// SPDX-License-Identifier: BSD-3-Clause
//
// Apart from the rest of uri.h, since the OEmbeddings validator needs it too, also in a browser.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/uri.h"

namespace embeddingsdb {
namespace {

/// How many letters are to be inserted, removed, replaced or exchanged with their neighbour to make
/// `b` of `a`, none of them twice (optimal string alignment).
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = last[j] + (a[i] == b[j] ? 0 : 1);
      row[j + 1] = std::min({row[j] + 1, last[j + 1] + 1, replaced});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
        row[j + 1] = std::min(row[j + 1], before_last[j - 1] + 1);
      }
    }
  }
  return row.back();
}

}  // namespace

std::string_view NearestName(std::string_view name, std::span<const std::string_view> known) {
  // Two slips in a short word make another word; a long one can take more.
  const std::size_t most = std::max<std::size_t>(1, std::min<std::size_t>(name.size() / 3, 4));
  std::string_view nearest;
  std::size_t best = most + 1;
  if (name.size() > 64) {
    return nearest;  // no name is that long
  }
  for (const std::string_view candidate : known) {
    const std::size_t distance = EditDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace embeddingsdb
