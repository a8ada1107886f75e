// SPDX-License-Identifier: BSD-3-Clause
#include "index/sketches.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "index/threads.h"

namespace embeddingsdb {
namespace {

constexpr int kTurns = 3;
constexpr std::size_t kWordBits = 64;
// With fewer elements the estimate says little, and codes are short anyway.
constexpr std::size_t kLeastElements = 128;
constexpr std::size_t kMuchShorter = 4;
// Rows that the centre is the mean of.
constexpr std::size_t kSample = 10'000;
constexpr std::size_t kPiece = 1'024;
// Standard deviations that a row may be nearer than it seems.
constexpr double kSigmas = 5;
// Float32 arithmetic of both distances, relative to the squared lengths.
constexpr double kRounding = 1e-5;

std::uint64_t SplitMix(std::uint64_t& state) {
  // Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = state;
  mixed = (mixed ^ mixed >> 30U) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ mixed >> 27U) * 0x94d049bb133111ebU;
  return mixed ^ mixed >> 31U;
}

double Length(std::span<const float> vector) {
  double squares = 0;
  for (const float element : vector) {
    squares += static_cast<double>(element) * static_cast<double>(element);
  }
  return std::sqrt(squares);
}

/// The sum of the elements whose bits are set: each plane's by its weight.
[[gnu::always_inline]] inline std::uint64_t WeighWords(std::span<const std::uint64_t> planes,
                                                       const std::byte* bits) {
  constexpr std::size_t kPlanes = 4;
  std::uint64_t weight = 0;
  for (std::size_t i = 0; i < planes.size(); i += kPlanes, bits += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bits, sizeof(word));
    for (std::size_t plane = 0; plane < kPlanes; ++plane) {
      const auto ones = static_cast<std::uint64_t>(__builtin_popcountll(word & planes[i + plane]));
      weight += ones << plane;
    }
  }
  return weight;
}

std::uint64_t WeighGeneric(std::span<const std::uint64_t> planes, const std::byte* bits) {
  return WeighWords(planes, bits);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) std::uint64_t WeighPopcnt(std::span<const std::uint64_t> planes,
                                                            const std::byte* bits) {
  return WeighWords(planes, bits);
}

/// The four planes of a word at once.
__attribute__((target("avx512vpopcntdq,avx512vl"))) std::uint64_t WeighAvx512(
    std::span<const std::uint64_t> planes, const std::byte* bits) {
  __m256i ones = _mm256_setzero_si256();
  for (std::size_t i = 0; i < planes.size(); i += 4, bits += sizeof(std::uint64_t)) {
    std::int64_t word = 0;
    std::memcpy(&word, bits, sizeof(word));
    const __m256i four = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(planes.data() + i));
    const __m256i set = _mm256_and_si256(four, _mm256_set1_epi64x(word));
    ones = _mm256_add_epi64(ones, _mm256_popcnt_epi64(set));
  }
  const __m256i weights = _mm256_sllv_epi64(ones, _mm256_set_epi64x(3, 2, 1, 0));
  const __m128i halves =
      _mm_add_epi64(_mm256_castsi256_si128(weights), _mm256_extracti128_si256(weights, 1));
  return static_cast<std::uint64_t>(_mm_extract_epi64(halves, 0) + _mm_extract_epi64(halves, 1));
}
#endif

auto BestWeigh() {
#if defined(__x86_64__)
  if (static_cast<bool>(__builtin_cpu_supports("avx512vpopcntdq")) &&
      static_cast<bool>(__builtin_cpu_supports("avx512vl"))) {
    return WeighAvx512;
  }
  if (static_cast<bool>(__builtin_cpu_supports("popcnt"))) {
    return WeighPopcnt;
  }
#endif
  return WeighGeneric;
}

}  // namespace

Rotation::Rotation(std::size_t dimension)
    : size_(std::bit_ceil(std::max(dimension, kLeastElements))) {
  std::uint64_t state = 0;
  std::uint64_t word = 0;
  signs_.reserve(kTurns * size_);
  for (std::size_t i = 0; i < kTurns * size_; ++i) {
    word = i % kWordBits == 0 ? SplitMix(state) : word >> 1U;
    signs_.push_back((word & 1U) != 0 ? 1.0F : -1.0F);
  }
}

void Rotation::Apply(std::span<float> vector) const {
  const float scale = 1 / std::sqrt(static_cast<float>(size_));
  for (std::size_t turn = 0; turn < kTurns; ++turn) {
    for (std::size_t i = 0; i < size_; ++i) {
      vector[i] *= signs_[turn * size_ + i] * scale;
    }
    for (std::size_t half = 1; half < size_; half *= 2) {
      for (std::size_t first = 0; first < size_; first += 2 * half) {
        for (std::size_t i = first; i < first + half; ++i) {
          const float a = vector[i];
          const float b = vector[i + half];
          vector[i] = a + b;
          vector[i + half] = a - b;
        }
      }
    }
  }
}

bool Sketches::AreWorthwhile(const VectorCodec& codec) {
  return codec.dimension() >= kLeastElements && codec.stride() >= kMuchShorter * StrideOf(codec);
}

std::size_t Sketches::StrideOf(const VectorCodec& codec) {
  return std::bit_ceil(std::max(codec.dimension(), kLeastElements)) / 8 + sizeof(Facts);
}

Sketches::Sketches(const VectorCodec& codec, std::span<const float> centre,
                   std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
    : rotation_(codec.dimension()),
      stride_(StrideOf(codec)),
      centre_(centre),
      bytes_(bytes),
      owner_(std::move(owner)) {}

double Sketches::Turn(const VectorCodec& codec, const std::byte* code, std::span<float> out) const {
  codec.Decode(code, out.first(codec.dimension()));
  for (std::size_t i = 0; i < codec.dimension(); ++i) {
    out[i] -= centre_[i];
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(codec.dimension()), out.end(), 0.0F);
  const double length = Length(out);
  rotation_.Apply(out);
  return length;
}

void Sketches::Encode(const VectorCodec& codec, const std::byte* code, std::byte* sketch,
                      std::span<float> scratch) const {
  const auto size = static_cast<double>(scratch.size());
  const double norm = Turn(codec, code, scratch);
  Facts facts{.norm = static_cast<float>(norm)};
  double magnitudes = 0;
  for (std::size_t i = 0; i < scratch.size(); i += kWordBits) {
    std::uint64_t word = 0;
    for (std::size_t bit = 0; bit < kWordBits; ++bit) {
      const float element = scratch[i + bit];
      magnitudes += static_cast<double>(std::abs(element));
      word |= std::uint64_t{element >= 0 ? 1U : 0U} << bit;
    }
    facts.ones += static_cast<std::uint32_t>(std::popcount(word));
    std::memcpy(sketch + i / 8, &word, sizeof(word));
  }
  if (norm > 0) {
    // The cosine between the direction and that of its signs.
    const double kept = std::min(magnitudes / (std::sqrt(size) * norm), 1.0);
    facts.scale = static_cast<float>(norm / (kept * std::sqrt(size)));
    facts.error = static_cast<float>(norm * std::sqrt((1 - kept * kept) / (size - 1)) / kept);
  }
  std::memcpy(sketch + scratch.size() / 8, &facts, sizeof(facts));
}

namespace {

/// What sketches in memory lie in.
struct Memory {
  std::vector<float> centre;
  std::vector<std::byte> bytes;
};

std::vector<float> MeanOf(const CodeSet& codes, std::size_t count) {
  const std::size_t dimension = codes.codec.dimension();
  const std::size_t samples = std::min(count, kSample);
  std::vector<double> sums(dimension);
  std::vector<float> vector(dimension);
  for (std::size_t i = 0; i < samples; ++i) {
    codes.codec.Decode(codes.at(static_cast<Slot>(i * count / samples)), vector);
    std::transform(sums.begin(), sums.end(), vector.begin(), sums.begin(),
                   [](double sum, float element) { return sum + static_cast<double>(element); });
  }
  std::vector<float> mean(dimension);
  std::transform(sums.begin(), sums.end(), mean.begin(), [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(samples));
  });
  return mean;
}

}  // namespace

Result<std::shared_ptr<const Sketches>> Sketches::Make(const CodeSet& codes, std::size_t count,
                                                       const Sketches* before,
                                                       const HnswBuildOptions& options) {
  const std::size_t stride = StrideOf(codes.codec);
  auto memory = std::make_shared<Memory>();
  std::size_t done = 0;
  memory->bytes.resize(count * stride);
  if (before != nullptr) {
    memory->centre.assign(before->centre_.begin(), before->centre_.end());
    done = std::min(before->size(), count);
    std::copy_n(before->bytes_.begin(), done * stride, memory->bytes.begin());
  } else {
    memory->centre = MeanOf(codes, count);
  }
  auto made = std::make_shared<const Sketches>(codes.codec, memory->centre, memory->bytes, memory);
  std::vector<float> scratches(options.threads * made->rotation_.size());
  std::atomic<std::size_t> next = done;
  RunOnThreads(options.threads, [&](std::size_t thread) {
    const std::size_t size = made->rotation_.size();
    const std::span<float> scratch = std::span(scratches).subspan(thread * size, size);
    for (std::size_t first = next.fetch_add(kPiece);
         first < count && !options.stop.stop_requested(); first = next.fetch_add(kPiece)) {
      for (std::size_t i = first; i < std::min(count, first + kPiece); ++i) {
        made->Encode(codes.codec, codes.at(static_cast<Slot>(i)), memory->bytes.data() + i * stride,
                     scratch);
      }
    }
  });
  if (options.stop.stop_requested()) {
    return CancelledError("building the index was stopped");
  }
  return made;
}

SketchQuery::SketchQuery(const Sketches& sketches, const VectorCodec& codec, const std::byte* code)
    : sketches_(sketches), codec_(codec), weigh_(BestWeigh()) {
  std::vector<float> turned(sketches.rotation_.size());
  if (needs_norm()) {
    codec.Decode(code, std::span(turned).first(codec.dimension()));
    length_ = Length(turned);
  }
  norm_ = sketches.Turn(codec, code, turned);
  const auto [least, most] = std::minmax_element(turned.begin(), turned.end());
  constexpr double kLevels = (1U << kPlanes) - 1;
  lowest_ = static_cast<double>(*least);
  step_ = std::max(static_cast<double>(*most) - lowest_, 1e-30) / kLevels;
  rounding_ = step_ * std::sqrt(static_cast<double>(turned.size()) / 12);
  planes_.resize(turned.size() / kWordBits * kPlanes);
  for (std::size_t i = 0; i < turned.size(); ++i) {
    const auto level = static_cast<std::uint64_t>(
        std::clamp(std::round((static_cast<double>(turned[i]) - lowest_) / step_), 0.0, kLevels));
    sum_ += lowest_ + step_ * static_cast<double>(level);
    for (std::size_t plane = 0; plane < kPlanes; ++plane) {
      planes_[i / kWordBits * kPlanes + plane] |= (level >> plane & 1U) << (i % kWordBits);
    }
  }
}

SketchQuery::Guess SketchQuery::Of(Slot slot, float norm) const {
  const std::byte* const sketch = sketches_.at(slot);
  Sketches::Facts facts;
  std::memcpy(&facts, sketch + sketches_.stride_ - sizeof(facts), sizeof(facts));
  const double set = lowest_ * facts.ones + step_ * static_cast<double>(weigh_(planes_, sketch));
  const auto scale = static_cast<double>(facts.scale);
  const double dot = scale * (2 * set - sum_);
  const double off = kSigmas * (norm_ * static_cast<double>(facts.error) + scale * rounding_);
  const double squares =
      norm_ * norm_ + static_cast<double>(facts.norm) * static_cast<double>(facts.norm);
  const double squared = squares - 2 * dot;
  const double low = squared - 2 * off - kRounding * squares;
  if (codec_.compares_squares()) {
    return {static_cast<float>(squared), static_cast<float>(low)};
  }
  if (codec_.metric() == Metric::kCosine) {
    return {static_cast<float>(squared / 2), static_cast<float>(low / 2)};
  }
  // One minus the dot product.
  const double lengths = length_ * length_ + static_cast<double>(norm) * static_cast<double>(norm);
  return {static_cast<float>(1 - (lengths - squared) / 2),
          static_cast<float>(1 - (lengths - low) / 2 - kRounding * lengths)};
}

}  // namespace embeddingsdb
