// SPDX-License-Identifier: BSD-3-Clause
#include "index/shortlist.h"

#include <algorithm>

namespace embeddingsdb {

Shortlist::Shortlist(const ShortlistRows& rows, std::size_t k, float max_distance)
    : rows_(rows), k_(k), capacity_(2 * k + 64), limit_(max_distance) {
  entries_.reserve(capacity_);
}

bool Shortlist::Offer(Slot slot, DistanceBounds bounds) {
  if (bounds.low > limit_) {
    return false;
  }
  entries_.push_back({bounds, slot});
  if (entries_.size() < capacity_) {
    return false;
  }
  DropHopeless();
  // Bounds that overlap too much (many equal vectors, say) make no room: then exact distances do,
  // or else the list has to grow.
  if (entries_.size() > k_ + (capacity_ - k_) / 2) {
    if (Settle()) {
      KeepNearest();
    } else {
      capacity_ *= 2;
    }
  }
  return true;
}

std::vector<Shortlist::Entry> Shortlist::Finish() {
  DropHopeless();
  if (Settle()) {
    KeepNearest();
  }
  std::sort(entries_.begin(), entries_.end(),
            [this](const Entry& a, const Entry& b) { return Nearer(a, b); });
  return std::move(entries_);
}

bool Shortlist::Nearer(const Entry& a, const Entry& b) const {
  if (a.bounds.low != b.bounds.low) {
    return a.bounds.low < b.bounds.low;
  }
  return rows_.Before(a.slot, b.slot);
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

/// Makes all distances exact, if that can be done here.
bool Shortlist::Settle() {
  for (Entry& entry : entries_) {
    if (entry.bounds.known()) {
      continue;
    }
    const std::optional<float> exact = rows_.Exact(entry.slot);
    if (!exact) {
      return false;
    }
    entry.bounds = {*exact, *exact};
  }
  std::erase_if(entries_, [this](const Entry& entry) { return entry.bounds.low > limit_; });
  return true;
}

/// Leaves at most k rows; all distances are known.
void Shortlist::KeepNearest() {
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
