// SPDX-License-Identifier: BSD-3-Clause
//
// Distances, defined once: the exact definition in double precision, and the fast float32 kernels
// that scans use, chosen at run time for the processor.
#ifndef EMBEDDINGSDB_INDEX_DISTANCE_H_
#define EMBEDDINGSDB_INDEX_DISTANCE_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"

namespace embeddingsdb {

/// The distance all answers report: computed in double, element by element in order, rounded once
/// to float32. Both vectors have the same length. Infinite when it overflows float32 (negative for
/// an inner product beyond it); never NaN for finite input. Equal vectors are at l2 and cosine
/// distance 0 exactly, all-zero ones at cosine distance 1.
float ExactDistance(Metric metric, std::span<const float> a, std::span<const float> b);

/// Rows are padded with zeros to a multiple of this many elements; every kernel counts on it.
inline constexpr std::size_t kKernelLanes = 16;

/// Float32 kernels that compare one query with out.size() rows lying one after the other, as long
/// as the query each, and write one number a row. No alignment is needed, but 64 bytes are fastest.
///
/// Each number is a sum of n = query.size() products collected in at least kKernelLanes separate
/// partial sums, so its rounding error is at most KernelError(n) times the sum of the products'
/// magnitudes, plus what underflow takes. On overflow it is infinite or NaN.
struct DistanceKernels {
  using Kernel = void (*)(std::span<const float> query, const float* rows, std::span<float> out);

  std::string_view isa;  ///< "avx512", "avx2", "generic"
  Kernel squared_l2;
  Kernel dot;
};

/// A bound for the relative error of any kernel over n elements, twice what the arithmetic needs.
constexpr double KernelError(std::size_t n) {
  const std::size_t additions = n / kKernelLanes;
  return 2.0 * (static_cast<double>(additions) + 32.0) * 0x1p-24;
}

/// The fastest kernels this processor runs.
const DistanceKernels& BestKernels();
/// All kernels this processor runs, fastest first; for tests and benchmarks.
std::vector<const DistanceKernels*> SupportedKernels();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_DISTANCE_H_
