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

/// For vectors of one model. Immutable, safe for concurrent use.
///
/// A code is `stride()` bytes, a multiple of 16: the elements in the precision, then zeros; with
/// Precision::kI8 the elements are divided by a scale that makes the largest 127, and the last
/// eight bytes are the scale and the squared length, two float32. For the cosine metric vectors are
/// brought to length 1 first (an all-zero one stays as it is), and compared by Euclidean distance:
/// that puts them in the same order, and rounding two near neighbours much alike costs it least.
class VectorCodec {
 public:
  VectorCodec(Metric metric, Precision precision, int dimension);

  std::size_t stride() const { return stride_; }
  std::size_t dimension() const { return dimension_; }
  Metric metric() const { return metric_; }
  Precision precision() const { return precision_; }

  /// Elements beyond the precision's range become its largest. `vector` is as long as the codec's
  /// dimension, `code` as its stride.
  void Encode(std::span<const float> vector, std::span<std::byte> code) const;

  /// Smaller is nearer: about the squared Euclidean distance of two codes, or 1 - their dot
  /// product. Always finite; beyond float32's range it is its largest number.
  float Compare(const std::byte* a, const std::byte* b) const { return compare_(*this, a, b); }

  /// The instruction set Compare runs in; "serial" means that this processor has none we know,
  /// which is several times slower.
  std::string_view isa() const { return isa_; }

 private:
  using CompareFunction = float (*)(const VectorCodec&, const std::byte* a, const std::byte* b);
  /// Of the kernel library: both vectors, elements, where the number goes.
  using Kernel = void (*)(const void* a, const void* b, unsigned long long elements, void* out);

  static float SquaredDistance(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float OneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float ScaledSquaredDistance(const VectorCodec& codec, const std::byte* a,
                                     const std::byte* b);
  static float ScaledOneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float FloatSquaredDistance(const VectorCodec& codec, const std::byte* a,
                                    const std::byte* b);
  static float FloatOneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static std::int32_t IntDot(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float Sum(const VectorCodec& codec, const std::byte* a, const std::byte* b);
  static float FloatSum(const VectorCodec& codec, const std::byte* a, const std::byte* b);

  void FindKernel();

  Metric metric_;
  Precision precision_;
  std::size_t dimension_;
  std::size_t stride_ = 0;
  std::size_t padded_ = 0;   ///< elements that are compared: zeros change no result
  Kernel kernel_ = nullptr;  ///< of the precisions that are not float32
  DistanceKernels::Kernel float_kernel_ = nullptr;  ///< of float32
  CompareFunction compare_ = nullptr;
  std::string_view isa_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_VECTOR_CODEC_H_
