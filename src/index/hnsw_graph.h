// SPDX-License-Identifier: BSD-3-Clause
//
// HnswGraph: a finished graph of near neighbours, laid out flat for search, and the search.
//
// The graph is hierarchical navigable small world (Malkov and Yashunin, "Efficient and robust
// approximate nearest neighbor search using Hierarchical Navigable Small World graphs", 2016). It
// is built elsewhere (index/hnsw_builder.h) and never changes: rows come and go beside it.
#ifndef EMBEDDINGSDB_INDEX_HNSW_GRAPH_H_
#define EMBEDDINGSDB_INDEX_HNSW_GRAPH_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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

/// Codes lie anywhere in memory, so reading one costs more than comparing it: asks for all of one
/// before its turn comes.
inline void PrefetchCode(const std::byte* code, std::size_t bytes) {
  constexpr std::size_t kLineBytes = 64;
  for (std::size_t offset = 0; offset < bytes; offset += kLineBytes) {
    __builtin_prefetch(code + offset);
  }
}

/// Codes and how they are compared. Borrowed.
struct CodeSet {
  const VectorCodec& codec;
  CodeView view;

  const std::byte* at(Slot slot) const { return view.at(slot); }
  float Compare(const std::byte* query, Slot slot) const {
    return codec.Compare(query, view.at(slot));
  }
  void Prefetch(Slot slot) const { PrefetchCode(view.at(slot), view.stride); }
};

/// Which slots may be returned; asked by the searching thread.
class SlotFilter {
 public:
  virtual ~SlotFilter() = default;
  virtual bool Allows(Slot slot) const = 0;
};

/// What is asked of a graph.
struct HnswQuery {
  const std::byte* code = nullptr;
  std::size_t expansion = 0;           ///< candidates weighed: more find more of the truly nearest
  const SlotFilter* filter = nullptr;  ///< null: all
};

struct SlotDistance {
  float distance = 0;  ///< as VectorCodec::Compare has it
  Slot slot = 0;

  /// By distance, then slot.
  auto operator<=>(const SlotDistance&) const = default;
};

/// A row that a search for its own vector does not find: a few are, where many vectors are nearly
/// equal. That search finds the anchor, though.
struct HiddenRow {
  Slot slot = 0;
  Slot anchor = 0;

  /// By anchor, then slot.
  friend auto operator<=>(const HiddenRow& a, const HiddenRow& b) {
    return std::pair(a.anchor, a.slot) <=> std::pair(b.anchor, b.slot);
  }
  friend bool operator==(const HiddenRow&, const HiddenRow&) = default;
};

/// Memory of one search after the other. One thread at a time; grows as needed.
class HnswScratch {
 private:
  friend class HnswGraph;
  std::vector<std::uint64_t> visited_;
  std::vector<SlotDistance> frontier_;  // a heap, nearest on top
  std::vector<SlotDistance> found_;     // a heap, farthest on top
};

/// Immutable, safe for concurrent use. What it reads may be memory or a mapped file.
class HnswGraph {
 public:
  /// Stands for "no neighbour" at the end of a list.
  static constexpr Slot kNone = 0xffffffff;

  /// Neighbours of a node: at most this many on the base level, and half of it above.
  static constexpr std::size_t kBaseLinks = 32;
  static constexpr std::size_t kUpperLinks = 16;
  /// More levels than a graph of 2^32 nodes has.
  static constexpr std::size_t kMaxLevels = 32;

  /// One of the levels above the base. A node has a place in its level; `down` is its place in the
  /// level below, which for the lowest of these is its slot. Links are places in the same level.
  struct Level {
    std::span<const Slot> down;
    std::span<const Slot> links;  ///< kUpperLinks a node
  };
  struct Parts {
    std::span<const Slot> base;  ///< kBaseLinks a slot
    std::vector<Level> levels;   ///< from the lowest up
    Slot entry = 0;  ///< where searches start: a place in the last level, a slot if there is none
  };

  /// A graph without nodes.
  HnswGraph() = default;
  /// `owner` keeps what the parts point to.
  HnswGraph(Parts parts, std::shared_ptr<const void> owner)
      : parts_(std::move(parts)), owner_(std::move(owner)) {}

  std::size_t size() const { return parts_.base.size() / kBaseLinks; }
  const Parts& parts() const { return parts_; }

  /// The base slot of the node where searches start. The graph is not empty.
  Slot EntrySlot() const;

  /// About the `expansion` nearest of the slots that the filter allows, nearest first. Returns a
  /// view into the scratch memory.
  std::span<const SlotDistance> Search(const CodeSet& codes, const HnswQuery& query,
                                       HnswScratch& scratch) const;

  /// Whether a search for a slot's own code finds it; and if not, what it finds instead. Of more
  /// equal codes than `expansion` those that it finds are as good.
  std::optional<HiddenRow> IfHidden(const CodeSet& codes, Slot slot, std::size_t expansion,
                                    HnswScratch& scratch) const;

 private:
  /// Search, which ends early when it comes to `goal`; whether it did.
  bool Walk(const CodeSet& codes, const HnswQuery& query, Slot goal, HnswScratch& scratch) const;
  Slot Descend(const CodeSet& codes, const std::byte* query) const;
  std::size_t FreshLinks(Slot slot, std::vector<std::uint64_t>& visited,
                         std::span<Slot> fresh) const;

  Parts parts_;
  std::shared_ptr<const void> owner_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_HNSW_GRAPH_H_
