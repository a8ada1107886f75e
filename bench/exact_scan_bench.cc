// SPDX-License-Identifier: BSD-3-Clause
//
// Exact search against what the memory gives: by turns reads memory, with loads of the width the
// kernels use, and searches the index, and compares the bandwidths of the best of each. Times are
// those of the thread, so that what else runs on the machine disturbs less.
// Exits with 1 when a float32 search for ten neighbours reaches less than 70 % of the bandwidth.
//
//   exact_scan_bench [rows [dimension [repetitions]]]
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "index/aligned_floats.h"
#include "index/distance.h"
#include "index/index_set.h"
#include "index/vector_codec.h"

namespace embeddingsdb {
namespace {

constexpr double kBar = 0.70;
constexpr std::size_t kLine = 16;  // floats in 64 bytes

/// Reads lines and folds them, so that nothing can be left out.
using Reader = std::uint64_t (*)(const float* data, std::size_t lines);

std::uint64_t ReadGeneric(const float* data, std::size_t lines) {
  std::array<std::uint32_t, kLine> fold = {};
  for (std::size_t line = 0; line < lines; ++line, data += kLine) {
    std::array<std::uint32_t, kLine> bits;
    __builtin_memcpy(bits.data(), data, sizeof bits);
    for (std::size_t i = 0; i < kLine; ++i) {
      fold[i] ^= bits[i];
    }
  }
  std::uint64_t all = 0;
  for (const std::uint32_t part : fold) {
    all += part;
  }
  return all;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint64_t ReadAvx2(const float* data, std::size_t lines) {
  __m256i low = _mm256_setzero_si256();
  __m256i high = low;
  for (std::size_t line = 0; line < lines; ++line, data += kLine) {
    low = _mm256_xor_si256(low, _mm256_castps_si256(_mm256_load_ps(data)));
    high = _mm256_xor_si256(high, _mm256_castps_si256(_mm256_load_ps(data + 8)));
  }
  alignas(32) std::array<std::uint64_t, 4> fold;
  _mm256_store_ps(reinterpret_cast<float*>(fold.data()),
                  _mm256_castsi256_ps(_mm256_xor_si256(low, high)));
  return fold[0] ^ fold[1] ^ fold[2] ^ fold[3];
}

__attribute__((target("avx512f"))) std::uint64_t ReadAvx512(const float* data, std::size_t lines) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = even;
  for (std::size_t line = 0; line + 2 <= lines; line += 2, data += 2 * kLine) {
    even = _mm512_xor_si512(even, _mm512_load_si512(data));
    odd = _mm512_xor_si512(odd, _mm512_load_si512(data + kLine));
  }
  alignas(64) std::array<std::uint64_t, 8> fold;
  _mm512_store_si512(fold.data(), _mm512_xor_si512(even, odd));
  std::uint64_t all = 0;
  for (const std::uint64_t part : fold) {
    all ^= part;
  }
  return all;
}
#endif

Reader ReaderFor(std::string_view isa) {
#if defined(__x86_64__)
  if (isa == "avx512") {
    return ReadAvx512;
  }
  if (isa == "avx2") {
    return ReadAvx2;
  }
#endif
  (void)isa;
  return ReadGeneric;
}

/// Numbers between -1 and 1; fast rather than good.
class Noise {
 public:
  float Next() {
    state_ = state_ * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return static_cast<float>(static_cast<std::int32_t>(state_ >> 32)) * 0x1p-31F;
  }

 private:
  std::uint64_t state_ = 42;
};

double Now(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The best time of a piece of work.
class Best {
 public:
  explicit Best(clockid_t clock = CLOCK_THREAD_CPUTIME_ID) : clock_(clock) {}

  template <typename Work>
  void Time(const Work& work) {
    const double start = Now(clock_);
    work();
    seconds_ = std::min(seconds_, Now(clock_) - start);
  }
  double seconds() const { return seconds_; }

 private:
  clockid_t clock_;
  double seconds_ = std::numeric_limits<double>::infinity();
};

struct Sizes {
  std::size_t rows = 235'200;
  std::size_t dimension = 512;
  int repetitions = 15;
};

void Fail(const Status& status) {
  std::fprintf(stderr, "exact_scan_bench: %s\n", status.ToString().c_str());
  std::exit(2);
}

/// The memory that is read for comparison.
class Ceiling {
 public:
  explicit Ceiling(std::size_t floats)
      : read_(ReaderFor(BestKernels().isa)),
        lines_(floats / kLine),
        data_(NewAlignedFloats(floats)) {
    if (!data_) {
      Fail(ResourceExhaustedError("no memory"));
    }
    Noise noise;
    for (std::size_t i = 0; i < lines_ * kLine; ++i) {
      data_[i] = noise.Next();
    }
  }

  void TimeOneThread() {
    one_.Time([&] { Keep(read_(data_.get(), lines_)); });
  }
  void TimeTwoThreads() {
    const std::size_t half = lines_ / 2;
    two_.Time([&] {
      std::jthread other([&] { Keep(read_(data_.get(), half)); });
      Keep(read_(data_.get() + half * kLine, lines_ - half));
    });
  }
  double one() const { return one_.seconds(); }
  double two() const { return two_.seconds(); }
  double gigabytes() const { return static_cast<double>(lines_ * kLine * sizeof(float)) / 1e9; }
  const float* data() const { return data_.get(); }

 private:
  static void Keep(std::uint64_t value) { __asm__ volatile("" : : "r"(value)); }

  Reader read_;
  std::size_t lines_;
  AlignedFloats data_;
  Best one_;
  Best two_{CLOCK_MONOTONIC};
};

/// An index over the ceiling's memory, which stands for the record store.
class Index {
 public:
  Index(Metric metric, Precision precision, const Sizes& sizes, const Ceiling& ceiling)
      : sizes_(sizes),
        data_(ceiling.data()),
        set_({.metric = metric, .mode = IndexMode::kExact, .precision = precision}) {
    const auto visit = [&](RowId, const IndexSet::RowSink& sink) -> Status {
      for (std::size_t row = 0; row < sizes.rows; ++row) {
        EDB_TRY(sink({static_cast<RowId>(row), "p", "d", Vector(row)}));
      }
      return {};
    };
    const Status loaded = set_.Load(
        "m", {.dimension = static_cast<int>(sizes.dimension), .visit = visit, .list = {}});
    if (!loaded.ok()) {
      Fail(loaded);
    }
  }

  void Search(const std::vector<float>& query, int k) const {
    const auto found = set_.Search(
        "m", {.embedding = query, .k = k, .max_distance = std::numeric_limits<float>::infinity()},
        [this](std::span<const IndexHit> hits) { return Read(hits); });
    if (!found.ok()) {
      Fail(found.status());
    }
  }

 private:
  std::span<const float> Vector(std::size_t row) const {
    return {data_ + row * sizes_.dimension, sizes_.dimension};
  }
  Result<std::vector<std::span<const float>>> Read(std::span<const IndexHit> hits) const {
    std::vector<std::span<const float>> vectors;
    for (const IndexHit& hit : hits) {
      vectors.push_back(Vector(static_cast<std::size_t>(hit.row)));
    }
    return vectors;
  }

  const Sizes& sizes_;
  const float* data_;
  IndexSet set_;
};

/// The share of the bandwidth that searches for ten reach.
double Run(Metric metric, Precision precision, const char* name, const Sizes& sizes,
           Ceiling& ceiling) {
  const Index index(metric, precision, sizes, ceiling);
  const std::size_t stride =
      VectorCodec(metric, precision, static_cast<int>(sizes.dimension)).stride();
  const double gigabytes = static_cast<double>(sizes.rows * stride) / 1e9;
  Noise noise;
  for (int i = 0; i < 1'000; ++i) {
    noise.Next();
  }
  Best ten;
  Best thousand;
  std::vector<float> query(sizes.dimension);
  for (int i = 0; i < sizes.repetitions; ++i) {
    for (float& element : query) {
      element = noise.Next();
    }
    ceiling.TimeOneThread();
    ten.Time([&] { index.Search(query, 10); });
    thousand.Time([&] { index.Search(query, 1'000); });
  }
  const double limit = gigabytes * ceiling.one() / ceiling.gigabytes();
  const auto print = [&](const char* what, const Best& best) {
    std::printf("%-7s %-5s %-7s %9.2f %7.2f %9.0f %%\n", std::string(MetricName(metric)).c_str(),
                name, what, best.seconds() * 1e3, gigabytes / best.seconds(),
                100 * limit / best.seconds());
  };
  print("k=10", ten);
  print("k=1000", thousand);
  return limit / ten.seconds();
}

int Main(const Sizes& sizes) {
  const std::size_t floats = sizes.rows * ((sizes.dimension + kLine - 1) / kLine * kLine);
  std::printf("%zu x %zu, %s kernels, best of %d\n", sizes.rows, sizes.dimension,
              std::string(BestKernels().isa).c_str(), sizes.repetitions);
  std::printf("%-21s %9s %7s %11s\n", "", "ms", "GB/s", "of memory");
  Ceiling ceiling(floats);
  const double gigabytes = ceiling.gigabytes();
  bool reached = true;
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct}) {
    reached = Run(metric, Precision::kF32, "f32", sizes, ceiling) >= kBar && reached;
    Run(metric, Precision::kBf16, "bf16", sizes, ceiling);
    Run(metric, Precision::kI8, "i8", sizes, ceiling);
  }
  for (int i = 0; i < sizes.repetitions; ++i) {
    ceiling.TimeTwoThreads();
  }
  std::printf("%-21s %9.2f %7.2f\n", "memory", ceiling.one() * 1e3, gigabytes / ceiling.one());
  std::printf("%-21s %9.2f %7.2f\n", "by two threads", ceiling.two() * 1e3,
              gigabytes / ceiling.two());
  std::printf("the bar is %.0f %%: %s\n", 100 * kBar, reached ? "reached" : "MISSED");
  return reached ? 0 : 1;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  embeddingsdb::Sizes sizes;
  if (argc > 1) {
    sizes.rows = std::strtoull(argv[1], nullptr, 10);
  }
  if (argc > 2) {
    sizes.dimension = std::strtoull(argv[2], nullptr, 10);
  }
  if (argc > 3) {
    sizes.repetitions = std::atoi(argv[3]);
  }
  if (sizes.rows < 1 || sizes.dimension < 1 || sizes.dimension > 8'192 || sizes.repetitions < 1) {
    std::fprintf(stderr, "usage: exact_scan_bench [rows [dimension [repetitions]]]\n");
    return 2;
  }
  return embeddingsdb::Main(sizes);
}
