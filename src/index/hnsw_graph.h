// SPDX-License-Identifier: BSD-3-Clause
//
// HnswGraph: a finished graph of near neighbours, laid out flat for search, and the search.
//
// The graph is hierarchical navigable small world (Malkov and Yashunin, "Efficient and robust
// approximate nearest neighbor search using Hierarchical Navigable Small World graphs", 2016). It
// is built elsewhere (index/hnsw_builder.h) and never changes: rows come and go beside it.
#ifndef EMBEDDINGSDB_INDEX_HNSW_GRAPH_H_
#define EMBEDDINGSDB_INDEX_HNSW_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "index/vector_codec.h"

namespace embeddingsdb {

/// A vector's place in the graph, from 0.
using Slot = std::uint32_t;

/// Codes slot by slot, in chunks of 2^shift codes; borrowed.
struct CodeView {
  const std::byte* const* chunks = nullptr;
  unsigned shift = 0;
  std::size_t stride = 0;

  const std::byte* at(Slot slot) const {
    return chunks[slot >> shift] + (slot & ((Slot{1} << shift) - 1)) * stride;
  }
};

/// Which slots may be returned; asked by the searching thread.
class SlotFilter {
 public:
  virtual ~SlotFilter() = default;
  virtual bool Allows(Slot slot) const = 0;
};

struct SlotDistance {
  float distance = 0;  ///< as VectorCodec::Compare has it
  Slot slot = 0;

  /// By distance, then slot.
  auto operator<=>(const SlotDistance&) const = default;
};

/// Memory of one search after the other. One thread at a time; grows as needed.
class HnswScratch {
 private:
  friend class HnswGraph;
  std::vector<std::uint64_t> visited_;
  std::vector<SlotDistance> frontier_;  // a heap, nearest on top
  std::vector<SlotDistance> found_;     // a heap, farthest on top
};

/// Safe for concurrent use once it is connected.
class HnswGraph {
 public:
  /// Stands for "no neighbour" at the end of a list.
  static constexpr Slot kNone = 0xffffffff;

  /// Neighbours of a node: at most this many on the base level, and half of it above.
  static constexpr std::size_t kBaseLinks = 32;
  static constexpr std::size_t kUpperLinks = 16;

  /// One of the levels above the base. A node has a place in its level; `down` is its place in the
  /// level below, which for the lowest of these is its slot. Links are places in the same level.
  struct Level {
    std::vector<Slot> down;
    std::vector<Slot> links;  ///< kUpperLinks a node
  };

  /// `base` has kBaseLinks links a slot. A search starts from `entry`, a place in the last level,
  /// or a slot when there is none.
  HnswGraph(std::vector<Slot> base, std::vector<Level> levels, Slot entry)
      : base_(std::move(base)), levels_(std::move(levels)), entry_(entry) {}

  std::size_t size() const { return base_.size() / kBaseLinks; }
  std::size_t memory_bytes() const;

  /// Adds links to nodes that none of their neighbours links to, and to those that nothing leads to
  /// from the entry. Building leaves some of both where many vectors are nearly equal: searches
  /// would hardly, or never, find them.
  void Connect(const VectorCodec& codec, CodeView codes);

  /// About the `expansion` nearest of the slots that `filter` (null: none) allows, nearest first;
  /// more expansion, more of the truly nearest. Returns a view into the scratch memory.
  std::span<const SlotDistance> Search(const VectorCodec& codec, CodeView codes,
                                       const std::byte* query, std::size_t expansion,
                                       const SlotFilter* filter, HnswScratch& scratch) const;

 private:
  std::span<Slot> Links(Slot slot);
  std::span<const Slot> Links(Slot slot) const;
  void LinkBack(Slot slot, const VectorCodec& codec, CodeView codes);
  Slot EntrySlot() const;
  /// Marks what base links lead to from `start`.
  void Reach(Slot start, std::vector<bool>& reached) const;
  bool LinkTo(Slot slot, std::span<const SlotDistance> near, const std::vector<bool>& reached);
  Slot Descend(const VectorCodec& codec, CodeView codes, const std::byte* query) const;

  std::vector<Slot> base_;
  std::vector<Level> levels_;
  Slot entry_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_HNSW_GRAPH_H_
