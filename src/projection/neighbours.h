// SPDX-License-Identifier: BSD-3-Clause
//
// The nearest rows of every row: all compared where they are few, found in a graph (index/) where
// they are many.
#ifndef EMBEDDINGSDB_PROJECTION_NEIGHBOURS_H_
#define EMBEDDINGSDB_PROJECTION_NEIGHBOURS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "embeddingsdb/status.h"

#include "projection/rows.h"

namespace embeddingsdb {

struct Neighbour {
  std::uint32_t row = 0;
  float distance = 0;  ///< Euclidean

  bool operator==(const Neighbour&) const = default;
};

/// As many neighbours for every row, nearest first; none is the row itself.
struct Neighbours {
  std::size_t each = 0;
  std::vector<Neighbour> all;  ///< those of row 0, those of row 1, ...

  std::size_t rows() const { return each == 0 ? 0 : all.size() / each; }
  std::span<const Neighbour> operator[](std::size_t row) const {
    return std::span(all).subspan(row * each, each);
  }
};

struct NeighbourOptions {
  std::size_t count = 15;          ///< for each row; fewer where there are no more rows
  std::size_t exact_rows = 5'000;  ///< up to so many rows all are compared
  std::stop_token stop = {};       ///< kCancelled soon after it is asked to stop
};

/// What rows are brought to where they are many: neighbours on a map are of a blurred picture.
inline constexpr std::size_t kNeighbourComponents = 64;
/// Rows that say along which directions, evenly chosen.
inline constexpr std::size_t kComponentsSample = 8'192;

/// Above options.exact_rows the rows are brought to kNeighbourComponents first, and about one
/// in a hundred neighbours is not among the truly nearest of those. `rows` are centred; at most
/// 2^31. Deterministic, on one thread. kCancelled, kResourceExhausted.
Result<Neighbours> NearestNeighbours(const Rows& rows, const NeighbourOptions& options);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PROJECTION_NEIGHBOURS_H_
