// SPDX-License-Identifier: BSD-3-Clause
#include "index/vector_blocks.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <utility>

namespace embeddingsdb {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kFirstBlockBytes = std::size_t{64} << 10;
constexpr std::size_t kDoublings = 7;  // to 8 MiB

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

float* VectorBlocks::Push() {
  if (blocks_.empty() || size_ == blocks_.back().first + blocks_.back().capacity) {
    const std::size_t bytes = kFirstBlockBytes << std::min(blocks_.size(), kDoublings);
    Block block;
    block.first = size_;
    block.capacity = std::max(bytes / (stride_ * sizeof(float)), std::size_t{1});
    block.data = NewAlignedFloats(block.capacity * stride_);
    if (!block.data) {
      return nullptr;
    }
    blocks_.push_back(std::move(block));
  }
  return row(size_++);
}

void VectorBlocks::Pop() {
  --size_;
  // The newest empty block stays, so that adding and removing by turns does not allocate.
  while (blocks_.size() > 1 && size_ <= blocks_[blocks_.size() - 2].first) {
    blocks_.pop_back();
  }
}

const float* VectorBlocks::row(std::size_t number) const {
  const auto after =
      std::upper_bound(blocks_.begin(), blocks_.end(), number,
                       [](std::size_t n, const Block& block) { return n < block.first; });
  const Block& block = *std::prev(after);
  return block.data.get() + (number - block.first) * stride_;
}

float* VectorBlocks::row(std::size_t number) {
  return const_cast<float*>(std::as_const(*this).row(number));
}

std::size_t VectorBlocks::RowsIn(const Block& block) const {
  return size_ <= block.first ? 0 : std::min(size_ - block.first, block.capacity);
}

std::size_t VectorBlocks::memory_bytes() const {
  std::size_t rows = 0;
  for (const Block& block : blocks_) {
    rows += block.capacity;
  }
  return rows * stride_ * sizeof(float);
}

}  // namespace embeddingsdb
