// SPDX-License-Identifier: BSD-3-Clause
//
// A layout in the plane in which near rows stay near: each is drawn to its neighbours and pushed
// away from rows picked at random. The graph's weights are those of UMAP (McInnes, Healy and
// Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", 2018,
// arXiv:1802.03426), the forces those of LargeVis (Tang, Liu, Zhang and Mei, "Visualizing
// Large-scale and High-dimensional Data", 2016, arXiv:1602.00370), of the curve 1 / (1 + d^2).
#ifndef EMBEDDINGSDB_PROJECTION_LAYOUT_H_
#define EMBEDDINGSDB_PROJECTION_LAYOUT_H_

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "embeddingsdb/status.h"

#include "projection/neighbours.h"
#include "projection/rows.h"

namespace embeddingsdb {

struct LayoutOptions {
  int epochs = 0;  ///< 0: 500 up to 10,000 rows, and 200 above
  std::uint64_t seed = 1;
  std::stop_token stop = {};  ///< kCancelled soon after it is asked to stop
};

/// A point for each row. `start` has one for each as well: what is far apart in it, such as PCA's
/// points, mostly stays so. Distances within a group of near points mean something, those between
/// groups little, and the axes nothing. All points are finite. Deterministic on one kind of
/// processor; one thread. kCancelled.
Result<std::vector<Point>> NeighbourLayout(const Neighbours& neighbours,
                                           std::span<const Point> start,
                                           const LayoutOptions& options);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PROJECTION_LAYOUT_H_
