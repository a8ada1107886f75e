// SPDX-License-Identifier: BSD-3-Clause
#include "index/aligned_floats.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>

namespace embeddingsdb {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

std::size_t RoundUp(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

AlignedFloats NewAlignedFloats(std::size_t count) {
  const std::size_t bytes = std::max(count, std::size_t{1}) * sizeof(float);
  // Whole huge pages spare a scan nearly all of its address translation.
  const std::size_t unit = bytes >= kHugePageBytes ? kHugePageBytes : kLineBytes;
  const std::size_t size = RoundUp(bytes, unit);
  const std::align_val_t alignment{unit};
  AlignedFloats memory(static_cast<float*>(::operator new(size, alignment, std::nothrow)),
                       AlignedDeleter{alignment});
#if defined(__linux__)
  // A hint: where it is refused the pages are just small.
  if (memory && unit == kHugePageBytes) {
    (void)madvise(memory.get(), size, MADV_HUGEPAGE);
  }
#endif
  return memory;
}

}  // namespace embeddingsdb
