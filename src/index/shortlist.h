// SPDX-License-Identifier: BSD-3-Clause
//
// Shortlist: the rows of a search that may belong to the answer. Comparing codes tells each
// distance only between two bounds; the list keeps every row that its bounds cannot rule out.
#ifndef EMBEDDINGSDB_INDEX_SHORTLIST_H_
#define EMBEDDINGSDB_INDEX_SHORTLIST_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "index/code_query.h"
#include "index/hnsw_graph.h"

namespace embeddingsdb {

/// What the list asks about rows; called by Offer and Finish only.
class ShortlistRows {
 public:
  virtual ~ShortlistRows() = default;
  /// Strict order among rows at equal distance.
  virtual bool Before(Slot a, Slot b) const = 0;
  /// The exact distance, or nothing where only the record store can tell.
  virtual std::optional<float> Exact(Slot slot) const = 0;
};

/// For one search, by one thread.
class Shortlist {
 public:
  struct Entry {
    DistanceBounds bounds;
    Slot slot = 0;
  };

  /// For the `k` nearest rows within `max_distance`. `rows` outlives the list.
  Shortlist(const ShortlistRows& rows, std::size_t k, float max_distance);

  std::size_t wanted() const { return k_; }
  /// Rows at a larger distance cannot be in the answer. Only ever falls.
  float limit() const { return limit_; }

  /// Brings limit() down to what the rows offered so far say; Offer does so now and then.
  void Tighten() { DropHopeless(); }

  /// Considers a row. True when limit() may have changed.
  bool Offer(Slot slot, DistanceBounds bounds);

  /// All rows that may be among the nearest: those with the smaller lower bound first, ties by
  /// ShortlistRows::Before. When all distances are known it is the answer itself. Ends the list's
  /// use.
  std::vector<Entry> Finish();

 private:
  bool Nearer(const Entry& a, const Entry& b) const;
  void DropHopeless();
  bool Settle();
  void KeepNearest();

  const ShortlistRows& rows_;
  std::size_t k_;
  std::size_t capacity_;
  float limit_;
  std::vector<Entry> entries_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_SHORTLIST_H_
