// SPDX-License-Identifier: BSD-3-Clause
//
// CodeQuery: a query against coded vectors, and what a comparison of codes says about the distance
// of the vectors they stand for.
#ifndef EMBEDDINGSDB_INDEX_CODE_QUERY_H_
#define EMBEDDINGSDB_INDEX_CODE_QUERY_H_

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "index/vector_codec.h"

namespace embeddingsdb {

/// low <= ExactDistance <= high. Equal when the distance is known.
struct DistanceBounds {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();

  bool known() const { return low == high; }
};

/// The largest facts of a set of rows.
struct CodeLimits {
  float norm = 0;
  float error = 0;

  /// Rows whose error nobody knows are passed over.
  void Include(CodeFacts facts);
};

/// By the triangle inequality: codes are at most `error` away from their vectors, so distances of
/// codes are at most the sum of two errors away from distances of vectors. Immutable.
class CodeQuery {
 public:
  /// `query` (finite, of the codec's dimension) and `codec` outlive it.
  CodeQuery(const VectorCodec& codec, std::span<const float> query);

  const std::byte* code() const { return code_.data(); }

  /// From the number that VectorCodec::Compare gives for the query's and a row's code.
  DistanceBounds Bounds(float compared, CodeFacts row) const;
  /// A row with known facts within `limits` whose comparison gives more than this is further than
  /// `distance`. NaN, which nothing is more than, when the query's own error is unknown.
  float Cut(float distance, CodeLimits limits) const;
  /// For codes that keep the vector.
  float Exact(const std::byte* code) const;
  /// The distance to a vector of the record store.
  float Exact(std::span<const float> vector) const;

 private:
  const VectorCodec& codec_;
  std::span<const float> query_;
  std::vector<std::byte> code_;
  CodeFacts facts_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_CODE_QUERY_H_
