// SPDX-License-Identifier: BSD-3-Clause
//
// Exact (flat) search: vectors lie row after row in memory and every search reads them all.
#ifndef EMBEDDINGSDB_INDEX_FLAT_INDEX_H_
#define EMBEDDINGSDB_INDEX_FLAT_INDEX_H_

#include <memory>

#include "embeddingsdb/index.h"

#include "index/distance.h"

namespace embeddingsdb {

/// An exact index for vectors of `dimension` elements (1 to kMaxDimension). Answers are those of
/// comparing ExactDistance for every row, to the last bit and with every tie, for all finite
/// vectors. Memory: 4 bytes an element (their number rounded up to 16), plus about 56 bytes a row.
/// Search time: the time to read the vectors once; more when many rows are all but equally near, or
/// have lengths outside 1e-15 to 1e15, because exact distances must decide then. RowView::Allows is
/// asked only about rows that are near enough. `kernels` are for tests.
std::unique_ptr<VectorIndex> NewFlatIndex(Metric metric, int dimension,
                                          const DistanceKernels& kernels = BestKernels());

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_FLAT_INDEX_H_
