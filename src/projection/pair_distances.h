// SPDX-License-Identifier: BSD-3-Clause
//
// How far apart vectors are, as a distribution.
#ifndef EMBEDDINGSDB_PROJECTION_PAIR_DISTANCES_H_
#define EMBEDDINGSDB_PROJECTION_PAIR_DISTANCES_H_

#include <cstddef>
#include <vector>

#include "embeddingsdb/index.h"

#include "projection/rows.h"

namespace embeddingsdb {

/// The distances of different pairs of rows, at most `most`, ascending. The pairs are random, but
/// the same each time, and each row is in about as many as any other.
std::vector<float> PairDistances(Metric metric, const Rows& rows, std::size_t most);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PROJECTION_PAIR_DISTANCES_H_
