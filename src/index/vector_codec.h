// SPDX-License-Identifier: BSD-3-Clause
//
// VectorCodec: how an approximate index keeps vectors and compares them. Its distances order rows;
// those that answers report are computed from the records (index/distance.h).
#ifndef EMBEDDINGSDB_INDEX_VECTOR_CODEC_H_
#define EMBEDDINGSDB_INDEX_VECTOR_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "embeddingsdb/index.h"

#include "index/distance.h"

namespace embeddingsdb {

/// What a search has to know of a coded vector to say how far it can be off.
struct CodeFacts {
  float norm = 0;   ///< the coded vector's length; for the cosine metric 1, or 0 for all zeros
  float error = 0;  ///< at most so far is the code from the vector; NaN: nobody knows

  bool known() const { return error >= 0; }
};

/// For vectors of one model. Immutable, safe for concurrent use.
///
/// A code is `stride()` bytes, a multiple of 16: the elements in the precision, then zeros; with
/// Precision::kI8 the elements are divided by a scale that makes the largest 127, and the last
/// eight bytes are the scale and the squared length, two float32. For the cosine metric vectors are
/// brought to length 1 first (an all-zero one stays as it is), and compared by Euclidean distance:
/// that puts them in the same order, and rounding two near neighbours much alike costs it least.
/// Precision::kF32 keeps every vector as it is; for the cosine metric the reciprocal of its length
/// (0 for all zeros) follows in a line of 64 bytes of its own.
class VectorCodec {
 public:
  VectorCodec(Metric metric, Precision precision, int dimension);

  /// Outside these lengths sums of the kernels may overflow or lose everything to underflow.
  static constexpr double kMinNorm = 1e-15;
  static constexpr double kMaxNorm = 1e15;

  std::size_t stride() const { return stride_; }
  std::size_t dimension() const { return dimension_; }
  Metric metric() const { return metric_; }
  Precision precision() const { return precision_; }

  /// Elements beyond the precision's range become its largest. `vector` is as long as the codec's
  /// dimension and finite, `code` as its stride.
  CodeFacts Encode(std::span<const float> vector, std::span<std::byte> code) const;

  /// The vector that Compare compares the code as: of length 1 for the cosine metric.
  void Decode(const std::byte* code, std::span<float> vector) const;

  /// The vector of a code that keeps it as it is; empty for the other precisions.
  std::span<const float> Original(const std::byte* code) const {
    return {reinterpret_cast<const float*>(code), precision_ == Precision::kF32 ? dimension_ : 0};
  }

  /// Smaller is nearer: about the squared Euclidean distance of two codes, or 1 - their dot
  /// product (for kF32 and cosine: of their directions). Always finite; beyond float32's range it
  /// is its largest number.
  float Compare(const std::byte* a, const std::byte* b) const { return compare_(*this, a, b); }
  /// Compares a query's code with out.size() codes that lie one after the other.
  void CompareRun(const std::byte* query, const std::byte* codes, std::span<float> out) const;
  /// Whether Compare gives squared distances.
  bool compares_squares() const {
    return metric_ == Metric::kL2 || (metric_ == Metric::kCosine && precision_ != Precision::kF32);
  }
  /// How far Compare's number may be from what the codes stand for, when their lengths, `a` and
  /// `b`, are within the range above.
  double CompareError(double compared, double a, double b) const;

  /// The instruction set Compare runs in; "serial" means that this processor has none we know,
  /// which is several times slower.
  std::string_view isa() const { return isa_; }

 private:
  using CompareFunction = float (*)(const VectorCodec&, const std::byte* a, const std::byte* b);
  /// Of the kernel library, whose types are another width's on other processors: only
  /// vector_codec.cc knows them.
  using AnyFunction = void (*)();

  static float SquaredDistance(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float OneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float ScaledSquaredDistance(const VectorCodec& codec, const std::byte* a,
                                     const std::byte* b);
  static float ScaledOneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float FloatSquaredDistance(const VectorCodec& codec, const std::byte* a,
                                    const std::byte* b);
  static float FloatOneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float FloatOneMinusCosine(const VectorCodec& codec, const std::byte* a,
                                   const std::byte* b);
  static std::int32_t IntDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float Sum(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float FloatSum(const VectorCodec& codec, const std::byte* a, const std::byte* b);

  void FindKernel();

  Metric metric_;
  Precision precision_;
  std::size_t dimension_;
  std::size_t stride_ = 0;
  std::size_t padded_ = 0;        ///< elements that are compared: zeros change no result
  AnyFunction kernel_ = nullptr;  ///< of the precisions that are not float32
  DistanceKernels::Kernel float_kernel_ = nullptr;  ///< of float32
  CompareFunction compare_ = nullptr;
  std::string_view isa_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_VECTOR_CODEC_H_
