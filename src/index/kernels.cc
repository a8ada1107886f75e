// SPDX-License-Identifier: BSD-3-Clause
//
// The float32 kernels, and which of them this processor runs. An instruction set is chosen by an
// attribute of the function, not by a flag for the file: a flag would also compile inline functions
// of the standard library for it, and the linker may hand those to code that runs everywhere.
#include "index/distance.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace embeddingsdb {
namespace {

/// What is summed over the elements.
enum class Term : bool { kSquaredDifference, kProduct };

/// The sum of kKernelLanes partial sums, by halves.
float SumLanes(const float* lanes) {
  float sums[kKernelLanes / 2];
  for (std::size_t i = 0; i < 8; ++i) {
    sums[i] = lanes[i] + lanes[i + 8];
  }
  for (std::size_t i = 0; i < 4; ++i) {
    sums[i] += sums[i + 4];
  }
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// Loops over independent sums: compilers turn them into the vector instructions that every
// processor of the target has (SSE2, NEON).
template <Term kTerm>
void GenericKernel(std::span<const float> query, const float* rows, std::span<float> out) {
  const std::size_t n = query.size();
  for (float& sum : out) {
    float sums[kKernelLanes] = {};
    for (std::size_t i = 0; i < n; i += kKernelLanes) {
      for (std::size_t lane = 0; lane < kKernelLanes; ++lane) {
        if constexpr (kTerm == Term::kSquaredDifference) {
          const float difference = query[i + lane] - rows[i + lane];
          sums[lane] += difference * difference;
        } else {
          sums[lane] += query[i + lane] * rows[i + lane];
        }
      }
    }
    sum = SumLanes(sums);
    rows += n;
  }
}

constexpr DistanceKernels kGeneric = {"generic", GenericKernel<Term::kSquaredDifference>,
                                      GenericKernel<Term::kProduct>};

#if defined(__x86_64__)

#define EDB_AVX2 __attribute__((target("avx2,fma")))
#define EDB_AVX512 __attribute__((target("avx512f")))

template <Term kTerm>
EDB_AVX2 inline __m256 Accumulate(__m256 sum, const float* query, const float* row) {
  const __m256 a = _mm256_loadu_ps(query);
  const __m256 b = _mm256_loadu_ps(row);
  if constexpr (kTerm == Term::kProduct) {
    return _mm256_fmadd_ps(a, b, sum);
  }
  const __m256 difference = _mm256_sub_ps(a, b);
  return _mm256_fmadd_ps(difference, difference, sum);
}

// Four sums at once, because each addition waits several cycles for the one before. Asking for
// memory ahead of the loads made every variant slower: rows are read in order, which processors
// foresee.
template <Term kTerm>
EDB_AVX2 void Avx2Kernel(std::span<const float> query, const float* rows, std::span<float> out) {
  const float* const q = query.data();
  const std::size_t n = query.size();
  for (float& sum : out) {
    __m256 sum0 = _mm256_setzero_ps();
    __m256 sum1 = sum0;
    __m256 sum2 = sum0;
    __m256 sum3 = sum0;
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32) {
      sum0 = Accumulate<kTerm>(sum0, q + i, rows + i);
      sum1 = Accumulate<kTerm>(sum1, q + i + 8, rows + i + 8);
      sum2 = Accumulate<kTerm>(sum2, q + i + 16, rows + i + 16);
      sum3 = Accumulate<kTerm>(sum3, q + i + 24, rows + i + 24);
    }
    if (i < n) {
      sum0 = Accumulate<kTerm>(sum0, q + i, rows + i);
      sum1 = Accumulate<kTerm>(sum1, q + i + 8, rows + i + 8);
    }
    alignas(32) float lanes[kKernelLanes];
    _mm256_store_ps(lanes, _mm256_add_ps(sum0, sum2));
    _mm256_store_ps(lanes + 8, _mm256_add_ps(sum1, sum3));
    sum = SumLanes(lanes);
    rows += n;
  }
}

template <Term kTerm>
EDB_AVX512 inline __m512 Accumulate(__m512 sum, const float* query, const float* row) {
  const __m512 a = _mm512_loadu_ps(query);
  const __m512 b = _mm512_loadu_ps(row);
  if constexpr (kTerm == Term::kProduct) {
    return _mm512_fmadd_ps(a, b, sum);
  }
  const __m512 difference = _mm512_sub_ps(a, b);
  return _mm512_fmadd_ps(difference, difference, sum);
}

template <Term kTerm>
EDB_AVX512 void Avx512Kernel(std::span<const float> query, const float* rows,
                             std::span<float> out) {
  const float* const q = query.data();
  const std::size_t n = query.size();
  for (float& sum : out) {
    __m512 sum0 = _mm512_setzero_ps();
    __m512 sum1 = sum0;
    __m512 sum2 = sum0;
    __m512 sum3 = sum0;
    std::size_t i = 0;
    for (; i + 64 <= n; i += 64) {
      sum0 = Accumulate<kTerm>(sum0, q + i, rows + i);
      sum1 = Accumulate<kTerm>(sum1, q + i + 16, rows + i + 16);
      sum2 = Accumulate<kTerm>(sum2, q + i + 32, rows + i + 32);
      sum3 = Accumulate<kTerm>(sum3, q + i + 48, rows + i + 48);
    }
    for (; i < n; i += 16) {
      sum0 = Accumulate<kTerm>(sum0, q + i, rows + i);
    }
    alignas(64) float lanes[kKernelLanes];
    _mm512_store_ps(lanes, _mm512_add_ps(_mm512_add_ps(sum0, sum1), _mm512_add_ps(sum2, sum3)));
    sum = SumLanes(lanes);
    rows += n;
  }
}

constexpr DistanceKernels kAvx2 = {"avx2", Avx2Kernel<Term::kSquaredDifference>,
                                   Avx2Kernel<Term::kProduct>};
constexpr DistanceKernels kAvx512 = {"avx512", Avx512Kernel<Term::kSquaredDifference>,
                                     Avx512Kernel<Term::kProduct>};

#endif  // defined(__x86_64__)

}  // namespace

std::vector<const DistanceKernels*> SupportedKernels() {
  std::vector<const DistanceKernels*> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    kernels.push_back(&kAvx512);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    kernels.push_back(&kAvx2);
  }
#endif
  kernels.push_back(&kGeneric);
  return kernels;
}

const DistanceKernels& BestKernels() {
  return *SupportedKernels().front();
}

}  // namespace embeddingsdb
