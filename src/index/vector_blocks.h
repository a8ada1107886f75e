// SPDX-License-Identifier: BSD-3-Clause
//
// VectorBlocks: rows of floats, one after the other in a few large pieces of memory.
#ifndef EMBEDDINGSDB_INDEX_VECTOR_BLOCKS_H_
#define EMBEDDINGSDB_INDEX_VECTOR_BLOCKS_H_

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace embeddingsdb {

struct AlignedDeleter {
  void operator()(float* memory) const { ::operator delete(memory, alignment); }

  std::align_val_t alignment{};  ///< what the memory was asked for with
};
using AlignedFloats = std::unique_ptr<float[], AlignedDeleter>;

/// `count` floats at a multiple of 64 bytes, not initialised; null when there is no memory.
AlignedFloats NewAlignedFloats(std::size_t count);

/// A stack of rows of `stride` floats (a multiple of 16), each at a multiple of 64 bytes. Rows
/// never move: growing adds a block, and a block has twice the size of the one before up to 8 MiB,
/// so a small model costs little and a large one is read in long runs. Not synchronised.
class VectorBlocks {
 public:
  struct Block {
    AlignedFloats data;
    std::size_t first = 0;     ///< number of its first row
    std::size_t capacity = 0;  ///< in rows
  };

  explicit VectorBlocks(std::size_t stride) : stride_(stride) {}

  /// A new last row, not initialised; null when there is no memory.
  float* Push();
  /// Drops the last row. Memory goes back block by block, one empty block later.
  void Pop();

  std::size_t size() const { return size_; }
  std::size_t stride() const { return stride_; }
  float* row(std::size_t number);
  const float* row(std::size_t number) const;
  std::span<const Block> blocks() const { return blocks_; }
  /// Rows in use of one of blocks().
  std::size_t RowsIn(const Block& block) const;
  std::size_t memory_bytes() const;

 private:
  std::size_t stride_;
  std::size_t size_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_VECTOR_BLOCKS_H_
