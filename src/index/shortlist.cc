// SPDX-License-Identifier: BSD-3-Clause
#include "index/shortlist.h"

#include <algorithm>
#include <cmath>

#include "index/distance.h"

namespace embeddingsdb {

Shortlist::Shortlist(Metric metric, std::span<const float> query, const SearchOptions& options)
    : metric_(metric),
      query_(query),
      rows_(options.rows),
      k_(static_cast<std::size_t>(options.k)),
      capacity_(2 * k_ + 64),
      limit_(options.max_distance) {
  entries_.reserve(capacity_);
}

bool Shortlist::Offer(RowId row, const float* vector, DistanceBounds bounds) {
  if (std::isnan(bounds.low)) {
    bounds.low = bounds.high = Exact(vector);
  }
  if (bounds.low > limit_) {
    return false;
  }
  entries_.push_back({bounds, row, vector});
  if (entries_.size() < capacity_) {
    return false;
  }
  DropHopeless();
  // Bounds that overlap too much (many equal vectors, say) make no room: then exact distances do.
  if (entries_.size() > k_ + (capacity_ - k_) / 2) {
    KeepNearest();
  }
  return true;
}

std::vector<Neighbor> Shortlist::Finish() {
  DropHopeless();
  KeepNearest();
  std::sort(entries_.begin(), entries_.end(),
            [this](const Entry& a, const Entry& b) { return Nearer(a, b); });
  std::vector<Neighbor> neighbors;
  neighbors.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    neighbors.push_back({entry.row, entry.bounds.high});
  }
  return neighbors;
}

float Shortlist::Exact(const float* vector) const {
  return ExactDistance(metric_, query_, {vector, query_.size()});
}

bool Shortlist::Nearer(const Entry& a, const Entry& b) const {
  if (a.bounds.high != b.bounds.high) {
    return a.bounds.high < b.bounds.high;
  }
  return rows_ != nullptr ? rows_->Before(a.row, b.row) : a.row < b.row;
}

// k rows are certainly no further than the k-th smallest upper bound, so a row that is certainly
// further than that is not among the nearest k, whatever the exact distances turn out to be.
void Shortlist::DropHopeless() {
  if (entries_.size() > k_) {
    const auto kth = entries_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(entries_.begin(), kth, entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.bounds.high < b.bounds.high; });
    limit_ = std::min(limit_, kth->bounds.high);
  }
  std::erase_if(entries_, [this](const Entry& entry) { return entry.bounds.low > limit_; });
}

// Leaves at most k rows, all with exact distances.
void Shortlist::KeepNearest() {
  for (Entry& entry : entries_) {
    if (entry.bounds.low != entry.bounds.high) {
      entry.bounds.low = entry.bounds.high = Exact(entry.vector);
    }
  }
  std::erase_if(entries_, [this](const Entry& entry) { return entry.bounds.low > limit_; });
  if (entries_.size() <= k_) {
    return;
  }
  const auto kth = entries_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(entries_.begin(), kth, entries_.end(),
                   [this](const Entry& a, const Entry& b) { return Nearer(a, b); });
  limit_ = kth->bounds.high;
  entries_.erase(kth + 1, entries_.end());
}

}  // namespace embeddingsdb
