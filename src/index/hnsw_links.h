// SPDX-License-Identifier: BSD-3-Clause
//
// HnswLinks: a graph in the making, before it becomes an HnswGraph.
#ifndef EMBEDDINGSDB_INDEX_HNSW_LINKS_H_
#define EMBEDDINGSDB_INDEX_HNSW_LINKS_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "index/hnsw_graph.h"

namespace embeddingsdb {

/// As HnswGraph::Parts, in memory of its own. One thread at a time.
struct HnswLinks {
  struct Level {
    std::vector<Slot> down;
    std::vector<Slot> links;
  };

  std::vector<Slot> base;
  std::vector<Level> levels;
  Slot entry = 0;

  std::size_t size() const { return base.size() / HnswGraph::kBaseLinks; }

  /// Adds links to nodes that none of their neighbours links to, and to those that nothing leads to
  /// from the entry. Building leaves some of both where many vectors are nearly equal: searches
  /// would hardly, or never, find them.
  void Connect(const VectorCodec& codec, CodeView codes);

  /// The finished graph.
  static HnswGraph Finish(HnswLinks links);

 private:
  /// Of these links as they are; valid while no vector is moved.
  HnswGraph View() const;
  std::span<Slot> LinksOf(Slot slot);
  std::span<const Slot> LinksOf(Slot slot) const;
  void LinkBack(Slot slot, const VectorCodec& codec, CodeView codes);
  /// Marks what base links lead to from `start`.
  void Reach(Slot start, std::vector<bool>& reached) const;
  bool LinkTo(Slot slot, std::span<const SlotDistance> near, const std::vector<bool>& reached);
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_HNSW_LINKS_H_
