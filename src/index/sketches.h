// SPDX-License-Identifier: BSD-3-Clause
//
// Sketches: a bit an element of each row, which tell nearly for nothing which rows of a filter are
// worth comparing. A row's code lies somewhere in hundreds of megabytes; its sketch is a line or
// two of memory, a sixteenth of the code.
//
// Method: J. Gao, C. Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error
// Bound for Approximate Nearest Neighbor Search", SIGMOD 2024. A row minus the centre of the rows
// is rotated at random; the signs of its elements, with three numbers, give an unbiased estimate of
// its distance from a query, whose error falls with the square root of the dimension.
#ifndef EMBEDDINGSDB_INDEX_SKETCHES_H_
#define EMBEDDINGSDB_INDEX_SKETCHES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "embeddingsdb/status.h"

#include "index/hnsw_builder.h"
#include "index/hnsw_graph.h"
#include "index/vector_codec.h"

namespace embeddingsdb {

/// A random rotation of vectors, the same for ever: signs are flipped and a Hadamard transform
/// made, three times. Immutable, safe for concurrent use.
class Rotation {
 public:
  explicit Rotation(std::size_t dimension);
  /// A power of two: the vectors' dimension is filled up with zeros.
  std::size_t size() const { return size_; }
  /// Rotates size() elements.
  void Apply(std::span<float> vector) const;

 private:
  std::size_t size_;
  std::vector<float> signs_;  // of the three turns
};

/// Of the first rows of a model. Immutable, safe for concurrent use.
class Sketches {
 public:
  /// Whether a sketch is so much shorter than a code that it is worth looking at.
  static bool AreWorthwhile(const VectorCodec& codec);
  /// Bytes a row.
  static std::size_t StrideOf(const VectorCodec& codec);

  /// Of `count` codes; `before`, if there are any, are of the first of them and are taken over,
  /// centre included. kCancelled.
  static Result<std::shared_ptr<const Sketches>> Make(const CodeSet& codes, std::size_t count,
                                                      const Sketches* before,
                                                      const HnswBuildOptions& options);
  /// Of a file, which `owner` keeps.
  Sketches(const VectorCodec& codec, std::span<const float> centre,
           std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  std::size_t size() const { return bytes_.size() / stride_; }
  std::span<const float> centre() const { return centre_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  friend class SketchQuery;

  /// What follows the bits of a row.
  struct Facts {
    float norm = 0;          ///< distance from the centre
    float scale = 0;         ///< norm by what the signs keep of the direction
    float error = 0;         ///< standard deviation of the estimate, for a query at distance 1
    std::uint32_t ones = 0;  ///< bits that are set
  };
  static_assert(sizeof(Facts) == 16);

  const std::byte* at(Slot slot) const { return bytes_.data() + std::size_t{slot} * stride_; }
  /// The code's vector minus the centre, rotated; and its length.
  double Turn(const VectorCodec& codec, const std::byte* code, std::span<float> out) const;
  void Encode(const VectorCodec& codec, const std::byte* code, std::byte* sketch,
              std::span<float> scratch) const;

  Rotation rotation_;
  std::size_t stride_;
  std::span<const float> centre_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

/// A query against sketches. Immutable; borrows them and the codec.
class SketchQuery {
 public:
  /// `code` is the query's.
  SketchQuery(const Sketches& sketches, const VectorCodec& codec, const std::byte* code);

  /// What VectorCodec::Compare gives for a row: about `compared`, and less than `low` once in three
  /// million times.
  struct Guess {
    float compared = 0;
    float low = 0;
  };
  /// `norm` is of the row's CodeFacts, where it is needed: a read less where it is not.
  bool needs_norm() const { return codec_.metric() == Metric::kInnerProduct; }
  Guess Of(Slot slot, float norm) const;
  void Prefetch(Slot slot) const { PrefetchCode(sketches_.at(slot), sketches_.stride_); }

 private:
  /// Rotated elements are rounded to as many bits.
  static constexpr std::size_t kPlanes = 4;
  using Weigh = std::uint64_t (*)(std::span<const std::uint64_t> planes, const std::byte* bits);

  const Sketches& sketches_;
  const VectorCodec& codec_;
  std::vector<std::uint64_t> planes_;  // word by word, the planes of each together
  Weigh weigh_;
  double norm_ = 0;      // distance from the centre
  double length_ = 0;    // of the code's vector, where norms are needed
  double lowest_ = 0;    // rounded elements are this...
  double step_ = 0;      // ...plus a multiple of this
  double sum_ = 0;       // of the rounded elements
  double rounding_ = 0;  // standard deviation of what rounding does to a sum
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_SKETCHES_H_
