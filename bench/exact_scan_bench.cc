// SPDX-License-Identifier: BSD-3-Clause
//
// Exact search against what the memory gives: by turns reads as many bytes as the index holds, with
// loads of the width its kernels use, and searches the index, and compares the best of each. Times
// are those of the thread, so that what else runs on the machine disturbs less.
// Exits with 1 when a search for ten neighbours reaches less than 70 % of the bandwidth.
//
//   exact_scan_bench [rows [dimension [repetitions]]]
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "index/flat_index.h"
#include "index/vector_blocks.h"

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

std::unique_ptr<VectorIndex> MakeIndex(Metric metric, const Sizes& sizes) {
  auto index = NewFlatIndex(metric, static_cast<int>(sizes.dimension));
  Noise noise;
  std::vector<float> vector(sizes.dimension);
  for (std::size_t row = 0; row < sizes.rows; ++row) {
    for (float& element : vector) {
      element = noise.Next();
    }
    if (Status added = index->Add(static_cast<RowId>(row), vector); !added.ok()) {
      Fail(added);
    }
  }
  return index;
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

 private:
  static void Keep(std::uint64_t value) { __asm__ volatile("" : : "r"(value)); }

  Reader read_;
  std::size_t lines_;
  AlignedFloats data_;
  Best one_;
  Best two_{CLOCK_MONOTONIC};
};

/// True when the searches of this metric reach the bar.
bool Run(Metric metric, const Sizes& sizes, Ceiling& ceiling, double gigabytes) {
  const std::unique_ptr<VectorIndex> index = MakeIndex(metric, sizes);
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
    const auto search = [&](int k) {
      const auto found = index->Search(query, {.k = k});
      if (!found.ok()) {
        Fail(found.status());
      }
    };
    ceiling.TimeOneThread();
    ten.Time([&] { search(10); });
    thousand.Time([&] { search(1'000); });
  }
  const double share = ceiling.one() / ten.seconds();
  const auto print = [&](const char* what, const Best& best) {
    std::printf("%-7s %-7s %9.2f %7.2f %9.0f %%\n", std::string(MetricName(metric)).c_str(), what,
                best.seconds() * 1e3, gigabytes / best.seconds(),
                100 * ceiling.one() / best.seconds());
  };
  print("k=10", ten);
  print("k=1000", thousand);
  return share >= kBar;
}

int Main(const Sizes& sizes) {
  const std::size_t floats = sizes.rows * ((sizes.dimension + kLine - 1) / kLine * kLine);
  const double gigabytes = static_cast<double>(floats * sizeof(float)) / 1e9;
  std::printf("%zu x %zu float32, %.3f GB, %s kernels, best of %d\n", sizes.rows, sizes.dimension,
              gigabytes, std::string(BestKernels().isa).c_str(), sizes.repetitions);
  std::printf("%-15s %9s %7s %11s\n", "", "ms", "GB/s", "of memory");
  Ceiling ceiling(floats);
  bool reached = true;
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct}) {
    reached = Run(metric, sizes, ceiling, gigabytes) && reached;
  }
  for (int i = 0; i < sizes.repetitions; ++i) {
    ceiling.TimeTwoThreads();
  }
  std::printf("%-15s %9.2f %7.2f\n", "memory", ceiling.one() * 1e3, gigabytes / ceiling.one());
  std::printf("%-15s %9.2f %7.2f\n", "by two threads", ceiling.two() * 1e3,
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
