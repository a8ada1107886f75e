// SPDX-License-Identifier: BSD-3-Clause
//
// Shortlist: the rows of a scan that may belong to the answer. A fast scan knows each distance only
// between two bounds; the list keeps every row that its bounds cannot rule out, and computes exact
// distances for the few that are left. So the answer is the one that exact distances alone give.
#ifndef EMBEDDINGSDB_INDEX_SHORTLIST_H_
#define EMBEDDINGSDB_INDEX_SHORTLIST_H_

#include <cstddef>
#include <span>
#include <vector>

#include "embeddingsdb/index.h"

namespace embeddingsdb {

/// What a scan knows of a distance: low <= ExactDistance <= high. NaN in `low`: it knows nothing.
struct DistanceBounds {
  float low = 0;
  float high = 0;
};

/// For one search, by one thread.
class Shortlist {
 public:
  /// `query` and what `options` points to outlive the list.
  Shortlist(Metric metric, std::span<const float> query, const SearchOptions& options);

  /// Rows at a larger distance cannot be in the answer. Only ever falls.
  float limit() const { return limit_; }

  /// Considers an allowed row. `vector` is as long as the query and outlives the list. True when
  /// limit() may have changed.
  bool Offer(RowId row, const float* vector, DistanceBounds bounds);

  /// The answer: at most k rows within the maximal distance, nearest first, ties in row order. Ends
  /// the list's use.
  std::vector<Neighbor> Finish();

 private:
  /// Once low and high are equal they are the exact distance.
  struct Entry {
    DistanceBounds bounds;
    RowId row = 0;
    const float* vector = nullptr;
  };

  float Exact(const float* vector) const;
  bool Nearer(const Entry& a, const Entry& b) const;
  void DropHopeless();
  void KeepNearest();

  Metric metric_;
  std::span<const float> query_;
  const RowView* rows_;
  std::size_t k_;
  std::size_t capacity_;
  float limit_;
  std::vector<Entry> entries_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_SHORTLIST_H_
