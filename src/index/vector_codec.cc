// SPDX-License-Identifier: BSD-3-Clause
#include "index/vector_codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numkong/numkong.h>
#include <utility>

namespace embeddingsdb {
namespace {

/// Room for a reciprocal that keeps the next code at a multiple of it.
constexpr std::size_t kReciprocalBytes = 64;

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

/// A kernel as what the library says it is.
nk_metric_dense_punned_t Dense(void (*kernel)()) {
  return reinterpret_cast<nk_metric_dense_punned_t>(kernel);
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

float FromBf16(std::uint16_t half) {
  const std::uint32_t bits = std::uint32_t{half} << 16U;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float FromF16(std::uint16_t half) {
  nk_f16_t bits = 0;
  std::memcpy(&bits, &half, sizeof(bits));
  float value = 0;
  nk_f16_to_f32(&bits, &value);
  return value;
}

/// Sums of squares in a few independent parts, so that compilers vectorise the loops.
class SquareSum {
 public:
  static constexpr std::size_t kLanes = 8;

  void Add(std::size_t i, float value) {
    sums_[i % kLanes] += static_cast<double>(value) * static_cast<double>(value);
  }
  double Total() const {
    double total = 0;
    for (const double sum : sums_) {
      total += sum;
    }
    return total;
  }

 private:
  std::array<double, kLanes> sums_ = {};
};

/// Each function below encodes `vector` times `factor` and returns the sum of the squares of what
/// that is off.
template <std::uint16_t (*kTo)(float), float (*kFrom)(std::uint16_t)>
double EncodeHalves(std::span<const float> vector, float factor, std::byte* code) {
  SquareSum off;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float element = vector[i] * factor;
    const std::uint16_t half = kTo(element);
    off.Add(i, element - kFrom(half));
    std::memcpy(code + i * sizeof(half), &half, sizeof(half));
  }
  return off.Total();
}

double EncodeInt8(std::span<const float> vector, float factor, std::span<std::byte> code) {
  constexpr float kLargest = 127;
  float magnitude = 0;
  for (const float element : vector) {
    magnitude = std::max(magnitude, std::abs(element * factor));
  }
  Scale scale = {.factor = magnitude / kLargest, .squared_length = 0};
  const float divisor = scale.factor > 0 ? 1 / scale.factor : 0;
  std::int64_t squares = 0;
  SquareSum off;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float exact = vector[i] * factor;
    // Rounds to nearest for numbers of this size, and vectorises, which std::lround does not.
    constexpr float kShift = 0x1.8p23F;
    const float step = std::clamp(exact * divisor, -kLargest, kLargest) + kShift - kShift;
    const auto element = static_cast<std::int8_t>(step);
    squares += std::int64_t{element} * element;
    off.Add(i, exact - step * scale.factor);
    code[i] = static_cast<std::byte>(element);
  }
  scale.squared_length = static_cast<float>(squares) * scale.factor * scale.factor;
  std::memcpy(code.data() + code.size() - sizeof(scale), &scale, sizeof(scale));
  return off.Total();
}

double Norm(std::span<const float> vector) {
  SquareSum squares;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    squares.Add(i, vector[i]);
  }
  return std::sqrt(squares.Total());
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
      stride_ = padded_ * sizeof(float) + (metric == Metric::kCosine ? kReciprocalBytes : 0);
      compare_ = metric == Metric::kL2       ? FloatSquaredDistance
                 : metric == Metric::kCosine ? FloatOneMinusCosine
                                             : FloatOneMinusDot;
      float_kernel_ = metric == Metric::kL2 ? BestKernels().squared_l2 : BestKernels().dot;
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
  const bool l2 = metric_ != Metric::kInnerProduct && precision_ != Precision::kI8;
  const nk_dtype_t type = precision_ == Precision::kBf16  ? nk_bf16_k
                          : precision_ == Precision::kF16 ? nk_f16_k
                                                          : nk_i8_k;
  nk_kernel_punned_t kernel = nullptr;
  nk_capability_t used = 0;
  nk_find_kernel_punned(l2 ? nk_kernel_sqeuclidean_k : nk_kernel_dot_k, type, nk_capabilities(),
                        &kernel, &used);
  kernel_ = reinterpret_cast<AnyFunction>(kernel);
  isa_ = IsaName(used);
}

CodeFacts VectorCodec::Encode(std::span<const float> vector, std::span<std::byte> code) const {
  std::fill(code.begin(), code.end(), std::byte{0});
  const double norm = Norm(vector);
  const bool cosine = metric_ == Metric::kCosine;
  const bool in_range = norm == 0 || (norm >= kMinNorm && norm <= kMaxNorm);
  if (precision_ == Precision::kF32) {
    std::memcpy(code.data(), vector.data(), vector.size_bytes());
    if (cosine && norm > 0) {
      const auto reciprocal = static_cast<float>(1 / norm);
      std::memcpy(code.data() + padded_ * sizeof(float), &reciprocal, sizeof(reciprocal));
    }
  }
  const float factor = cosine && norm > 0 ? static_cast<float>(1 / norm) : 1;
  double off = 0;
  switch (precision_) {
    case Precision::kF32:
      break;
    case Precision::kBf16:
      off = EncodeHalves<ToBf16, FromBf16>(vector, factor, code.data());
      break;
    case Precision::kF16:
      off = EncodeHalves<ToF16, FromF16>(vector, factor, code.data());
      break;
    case Precision::kI8:
      off = EncodeInt8(vector, factor, code);
      break;
  }
  const double length = cosine && norm > 0 ? 1 : norm;
  // Rounding of the factor and of the products, and of the sum itself.
  const double rounding = precision_ == Precision::kF32 ? 0 : 0x1p-21 * length;
  const double error = std::sqrt(off) * (1 + 0x1p-20) + rounding;
  return {.norm = static_cast<float>(length),
          .error = in_range ? static_cast<float>(error * (1 + 0x1p-20))
                            : std::numeric_limits<float>::quiet_NaN()};
}

void VectorCodec::Decode(const std::byte* code, std::span<float> vector) const {
  const auto halves = [&](float (*from)(std::uint16_t)) {
    for (std::size_t i = 0; i < vector.size(); ++i) {
      std::uint16_t half = 0;
      std::memcpy(&half, code + i * sizeof(half), sizeof(half));
      vector[i] = from(half);
    }
  };
  switch (precision_) {
    case Precision::kF32: {
      const std::span<const float> original = Original(code);
      float factor = 1;
      if (metric_ == Metric::kCosine) {
        std::memcpy(&factor, code + padded_ * sizeof(float), sizeof(factor));
      }
      std::transform(original.begin(), original.end(), vector.begin(),
                     [factor](float element) { return element * factor; });
      return;
    }
    case Precision::kBf16:
      halves(FromBf16);
      return;
    case Precision::kF16:
      halves(FromF16);
      return;
    case Precision::kI8: {
      const float factor = ScaleOf(code, stride_).factor;
      for (std::size_t i = 0; i < vector.size(); ++i) {
        vector[i] = static_cast<float>(static_cast<std::int8_t>(code[i])) * factor;
      }
      return;
    }
  }
}

void VectorCodec::CompareRun(const std::byte* query, const std::byte* codes,
                             std::span<float> out) const {
  if (precision_ != Precision::kF32 || metric_ == Metric::kCosine) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = Compare(query, codes + i * stride_);
    }
    return;
  }
  float_kernel_({reinterpret_cast<const float*>(query), padded_},
                reinterpret_cast<const float*>(codes), out);
  for (float& one : out) {
    one = Finite(metric_ == Metric::kL2 ? one : 1 - one);
  }
}

double VectorCodec::CompareError(double compared, double a, double b) const {
  // What flushing denormal numbers to zero may take.
  const double underflow =
      static_cast<double>(padded_ * 8) * static_cast<double>(std::numeric_limits<float>::min());
  switch (precision_) {
    case Precision::kF32:
      switch (metric_) {
        case Metric::kL2:
          return KernelError(padded_) * compared + underflow;
        case Metric::kCosine:
          return KernelError(padded_) + 0x1p-21 + underflow;
        case Metric::kInnerProduct:
          return KernelError(padded_) * a * b + 0x1p-22 + underflow;
      }
      return 0;
    case Precision::kBf16:
    case Precision::kF16: {
      // At least four partial sums, of a*a + b*b - 2ab in the worst of the library's kernels.
      const double kernel = 2.0 * (static_cast<double>(padded_) / 4 + 32.0) * 0x1p-24;
      return compares_squares() ? kernel * (a + b) * (a + b) + underflow
                                : kernel * a * b + 0x1p-22 + underflow;
    }
    case Precision::kI8:
      // Sums of integers are exact; a few float32 operations follow.
      return compares_squares() ? 0x1p-20 * (a + b) * (a + b) + underflow
                                : 0x1p-21 * (1 + a * b) + underflow;
  }
  return 0;
}

float VectorCodec::Sum(const VectorCodec& codec, const std::byte* a, const std::byte* b) {
  float sum = 0;
  Dense(codec.kernel_)(a, b, codec.padded_, &sum);
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
  Dense(codec.kernel_)(a, b, codec.padded_, &sum);
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

float VectorCodec::FloatOneMinusCosine(const VectorCodec& codec, const std::byte* a,
                                       const std::byte* b) {
  const std::size_t offset = codec.padded_ * sizeof(float);
  float reciprocal_a = 0;
  float reciprocal_b = 0;
  std::memcpy(&reciprocal_a, a + offset, sizeof(reciprocal_a));
  std::memcpy(&reciprocal_b, b + offset, sizeof(reciprocal_b));
  // In this order nothing overflows that need not.
  return Finite(1 - FloatSum(codec, a, b) * reciprocal_a * reciprocal_b);
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
