// SPDX-License-Identifier: BSD-3-Clause
#include "index/vector_codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numkong/numkong.h>
#include <type_traits>
#include <utility>

namespace embeddingsdb {
namespace {

/// What follows the elements of an int8 code.
struct Scale {
  float factor = 0;
  float squared_length = 0;
};

Scale ScaleOf(const std::byte* code, std::size_t stride) {
  Scale scale;
  std::memcpy(&scale, code + stride - sizeof(scale), sizeof(scale));
  return scale;
}

std::size_t RoundUp(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Rounds to nearest, ties to even; the largest finite number where rounding would leave the range.
std::uint16_t ToBf16(float value) {
  constexpr std::uint32_t kLargest = 0x7f7fU;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  const std::uint32_t sign = bits >> 31U << 15U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const std::uint32_t rounded = (magnitude + 0x7fffU + (magnitude >> 16U & 1U)) >> 16U;
  return static_cast<std::uint16_t>(sign | std::min(rounded, kLargest));
}

std::uint16_t ToF16(float value) {
  constexpr float kLargest = 65'504;
  const float clamped = std::clamp(value, -kLargest, kLargest);
  nk_f16_t half = 0;
  nk_f32_to_f16(&clamped, &half);
  static_assert(sizeof(half) == sizeof(std::uint16_t));
  std::uint16_t bits = 0;
  std::memcpy(&bits, &half, sizeof(bits));
  return bits;
}

template <std::uint16_t (*kConvert)(float)>
void EncodeHalves(std::span<const float> vector, float factor, std::byte* code) {
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const std::uint16_t half = kConvert(vector[i] * factor);
    std::memcpy(code + i * sizeof(half), &half, sizeof(half));
  }
}

void EncodeInt8(std::span<const float> vector, float factor, std::span<std::byte> code) {
  constexpr float kLargest = 127;
  float magnitude = 0;
  for (const float element : vector) {
    magnitude = std::max(magnitude, std::abs(element * factor));
  }
  Scale scale = {.factor = magnitude / kLargest, .squared_length = 0};
  const float divisor = scale.factor > 0 ? 1 / scale.factor : 0;
  std::int64_t squares = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float step = std::clamp(vector[i] * factor * divisor, -kLargest, kLargest);
    const auto element = static_cast<std::int8_t>(std::lround(step));
    squares += std::int64_t{element} * element;
    code[i] = static_cast<std::byte>(element);
  }
  scale.squared_length = static_cast<float>(squares) * scale.factor * scale.factor;
  std::memcpy(code.data() + code.size() - sizeof(scale), &scale, sizeof(scale));
}

float LengthFactor(Metric metric, std::span<const float> vector) {
  if (metric != Metric::kCosine) {
    return 1;
  }
  double squares = 0;
  for (const float element : vector) {
    squares += static_cast<double>(element) * static_cast<double>(element);
  }
  return squares > 0 ? static_cast<float>(1 / std::sqrt(squares)) : 1;
}

/// Graphs are walked by order, in which NaN has no place.
float Finite(float distance) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (distance <= kLargest) {
    return std::max(distance, -kLargest);
  }
  return kLargest;
}

std::string_view IsaName(nk_capability_t used) {
  constexpr auto kNames = std::to_array<std::pair<nk_capability_t, std::string_view>>({
      {nk_cap_genoa_k, "genoa"},
      {nk_cap_icelake_k, "icelake"},
      {nk_cap_skylake_k, "skylake"},
      {nk_cap_haswell_k, "haswell"},
      {nk_cap_neonbfdot_k, "neonbfdot"},
      {nk_cap_neonsdot_k, "neonsdot"},
      {nk_cap_neonhalf_k, "neonhalf"},
      {nk_cap_neon_k, "neon"},
  });
  for (const auto& [capability, name] : kNames) {
    if ((used & capability) != 0) {
      return name;
    }
  }
  return "serial";
}

}  // namespace

VectorCodec::VectorCodec(Metric metric, Precision precision, int dimension)
    : metric_(metric), precision_(precision), dimension_(static_cast<std::size_t>(dimension)) {
  constexpr std::size_t kUnit = 16;
  const bool l2 = metric != Metric::kInnerProduct;
  switch (precision) {
    case Precision::kF32:
      padded_ = RoundUp(dimension_, kKernelLanes);
      stride_ = padded_ * sizeof(float);
      compare_ = l2 ? FloatSquaredDistance : FloatOneMinusDot;
      float_kernel_ = l2 ? BestKernels().squared_l2 : BestKernels().dot;
      isa_ = BestKernels().isa;
      return;
    case Precision::kBf16:
    case Precision::kF16:
      stride_ = RoundUp(dimension_ * sizeof(std::uint16_t), kUnit);
      padded_ = stride_ / sizeof(std::uint16_t);
      compare_ = l2 ? SquaredDistance : OneMinusDot;
      break;
    case Precision::kI8:
      stride_ = RoundUp(dimension_ + sizeof(Scale), kUnit);
      padded_ = dimension_;
      compare_ = l2 ? ScaledSquaredDistance : ScaledOneMinusDot;
      break;
  }
  FindKernel();
}

void VectorCodec::FindKernel() {
  static_assert(std::is_same_v<nk_size_t, unsigned long long>);
  const bool l2 = metric_ != Metric::kInnerProduct && precision_ != Precision::kI8;
  const nk_dtype_t type = precision_ == Precision::kBf16  ? nk_bf16_k
                          : precision_ == Precision::kF16 ? nk_f16_k
                                                          : nk_i8_k;
  nk_kernel_punned_t kernel = nullptr;
  nk_capability_t used = 0;
  nk_find_kernel_punned(l2 ? nk_kernel_sqeuclidean_k : nk_kernel_dot_k, type, nk_capabilities(),
                        &kernel, &used);
  // By way of the type that stands for any function; the library names its kernels' type so.
  static_assert(std::is_same_v<Kernel, nk_metric_dense_punned_t>);
  kernel_ = reinterpret_cast<Kernel>(reinterpret_cast<void (*)()>(kernel));
  isa_ = IsaName(used);
}

void VectorCodec::Encode(std::span<const float> vector, std::span<std::byte> code) const {
  std::fill(code.begin(), code.end(), std::byte{0});
  const float factor = LengthFactor(metric_, vector);
  switch (precision_) {
    case Precision::kF32:
      for (std::size_t i = 0; i < vector.size(); ++i) {
        const float element = vector[i] * factor;
        std::memcpy(code.data() + i * sizeof(element), &element, sizeof(element));
      }
      return;
    case Precision::kBf16:
      EncodeHalves<ToBf16>(vector, factor, code.data());
      return;
    case Precision::kF16:
      EncodeHalves<ToF16>(vector, factor, code.data());
      return;
    case Precision::kI8:
      EncodeInt8(vector, factor, code);
      return;
  }
}

float VectorCodec::Sum(const VectorCodec& codec, const std::byte* a, const std::byte* b) {
  float sum = 0;
  codec.kernel_(a, b, codec.padded_, &sum);
  return sum;
}

float VectorCodec::FloatSum(const VectorCodec& codec, const std::byte* a, const std::byte* b) {
  float sum = 0;
  codec.float_kernel_({reinterpret_cast<const float*>(a), codec.padded_},
                      reinterpret_cast<const float*>(b), {&sum, 1});
  return sum;
}

std::int32_t VectorCodec::IntDot(const VectorCodec& codec, const std::byte* a, const std::byte* b) {
  std::int32_t sum = 0;
  codec.kernel_(a, b, codec.padded_, &sum);
  return sum;
}

float VectorCodec::SquaredDistance(const VectorCodec& codec, const std::byte* a,
                                   const std::byte* b) {
  return Finite(Sum(codec, a, b));
}

float VectorCodec::OneMinusDot(const VectorCodec& codec, const std::byte* a, const std::byte* b) {
  return Finite(1 - Sum(codec, a, b));
}

float VectorCodec::FloatSquaredDistance(const VectorCodec& codec, const std::byte* a,
                                        const std::byte* b) {
  return Finite(FloatSum(codec, a, b));
}

float VectorCodec::FloatOneMinusDot(const VectorCodec& codec, const std::byte* a,
                                    const std::byte* b) {
  return Finite(1 - FloatSum(codec, a, b));
}

float VectorCodec::ScaledSquaredDistance(const VectorCodec& codec, const std::byte* a,
                                         const std::byte* b) {
  const Scale scale_a = ScaleOf(a, codec.stride_);
  const Scale scale_b = ScaleOf(b, codec.stride_);
  const float dot = static_cast<float>(IntDot(codec, a, b)) * scale_a.factor * scale_b.factor;
  return Finite(scale_a.squared_length + scale_b.squared_length - 2 * dot);
}

float VectorCodec::ScaledOneMinusDot(const VectorCodec& codec, const std::byte* a,
                                     const std::byte* b) {
  return Finite(1 - static_cast<float>(IntDot(codec, a, b)) * ScaleOf(a, codec.stride_).factor *
                        ScaleOf(b, codec.stride_).factor);
}

}  // namespace embeddingsdb
