// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_INDEX_ALIGNED_FLOATS_H_
#define EMBEDDINGSDB_INDEX_ALIGNED_FLOATS_H_

#include <cstddef>
#include <memory>
#include <new>

namespace embeddingsdb {

struct AlignedDeleter {
  void operator()(float* memory) const { ::operator delete(memory, alignment); }

  std::align_val_t alignment{};  ///< what the memory was asked for with
};
using AlignedFloats = std::unique_ptr<float[], AlignedDeleter>;

/// `count` floats at a multiple of 64 bytes, not initialised; null when there is no memory.
AlignedFloats NewAlignedFloats(std::size_t count);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_ALIGNED_FLOATS_H_
