// SPDX-License-Identifier: BSD-3-Clause
//
// VectorIndex: derived data over row ids and vectors. Records are the truth; an index can be
// thrown away and rebuilt from them at any time, so its loss costs time and never data.
#ifndef EMBEDDINGSDB_INDEX_H_
#define EMBEDDINGSDB_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

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

/// Names a row of the record store. A replaced record gets a new id, so an id never changes what it
/// stands for. Ids grow with time.
using RowId = std::int64_t;

struct Neighbor {
  RowId row = 0;
  float distance = 0;

  bool operator==(const Neighbor&) const = default;
};

/// What a search needs to know about rows beyond their vectors. Called from within Search, by the
/// searching thread only.
class RowView {
 public:
  virtual ~RowView() = default;
  /// False for rows that must not be returned.
  virtual bool Allows(RowId row) const = 0;
  /// Strict order among rows at equal distance.
  virtual bool Before(RowId a, RowId b) const = 0;
};

struct SearchOptions {
  int k = 10;
  float max_distance = std::numeric_limits<float>::infinity();  ///< inclusive
  const RowView* rows = nullptr;  ///< borrowed for the call; null: all rows, ties by row id
};

/// Finds the nearest vectors. Not synchronised: searches may run together, but nothing may run
/// beside Add or Remove (the index set keeps that rule with a shared mutex).
class VectorIndex {
 public:
  VectorIndex() = default;
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;
  virtual ~VectorIndex() = default;

  /// Adds a row. The vector's length is the index's dimension. kInvalidArgument when the row
  /// exists.
  virtual Status Add(RowId row, std::span<const float> vector) = 0;
  /// Removes a row; false when there is none.
  virtual bool Remove(RowId row) = 0;
  /// At most k allowed rows, nearest first, ties by RowView::Before. Distances are exact to 1e-5.
  virtual Result<std::vector<Neighbor>> Search(std::span<const float> query,
                                               const SearchOptions& options) const = 0;
  /// The same answer as if `among` were all rows. Those that the index does not have are passed
  /// over; none is named twice.
  virtual Result<std::vector<Neighbor>> SearchAmong(std::span<const float> query,
                                                    const SearchOptions& options,
                                                    std::span<const RowId> among) const = 0;
  /// A row's vector, valid until the index changes; empty when there is none.
  virtual std::span<const float> Vector(RowId row) const = 0;
  virtual std::size_t size() const = 0;
  /// Bytes of memory held.
  virtual std::size_t memory_bytes() const = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_H_
