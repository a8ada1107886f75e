// SPDX-License-Identifier: BSD-3-Clause
//
// What is said of indexes: how distances are measured and how searches find what is near. An index
// is derived data over row ids and vectors. Records are the truth; it can be thrown away and
// rebuilt from them at any time, so its loss costs time and never data.
#ifndef EMBEDDINGSDB_INDEX_H_
#define EMBEDDINGSDB_INDEX_H_

#include <cstdint>
#include <string_view>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// How the distance of two vectors is measured; the values of the URI option `metric`.
enum class Metric : std::uint8_t {
  kL2,            ///< Euclidean distance, not squared
  kCosine,        ///< 1 - cosine of the angle, 0 to 2; 1 when either vector is all zeros
  kInnerProduct,  ///< 1 - inner product; smaller is closer, may be negative
};
std::string_view MetricName(Metric metric);
Result<Metric> ParseMetric(std::string_view name);

/// How searches find what is near; the values of the URI option `index`.
enum class IndexMode : std::uint8_t {
  kAuto,   ///< "auto": exact for small models, by a graph for large ones; the default
  kExact,  ///< "exact": every search compares all vectors of the model
  kHnsw,   ///< "hnsw": by a graph, however small the model
};

/// How an approximate index keeps vectors; the values of the URI option `precision`. Records keep
/// float32 whatever it is, and answers report distances of records.
enum class Precision : std::uint8_t {
  kBf16,  ///< "bf16": half the size, eight bits of mantissa; the default
  kF32,   ///< "f32": as they are
  kF16,   ///< "f16": half the size, eleven bits of mantissa, range to 65,504
  kI8,    ///< "i8": a quarter of the size, one scale a vector
};
std::string_view PrecisionName(Precision precision);

/// Names a row of the record store. A replaced record gets a new id, so an id never changes what it
/// stands for. Ids grow with time.
using RowId = std::int64_t;

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_H_
