// SPDX-License-Identifier: BSD-3-Clause
#include "index/hnsw_graph.h"

#include <algorithm>
#include <functional>

namespace embeddingsdb {

Slot HnswGraph::EntrySlot() const {
  Slot place = parts_.entry;
  for (std::size_t level = parts_.levels.size(); level-- > 0;) {
    place = parts_.levels[level].down[place];
  }
  return place;
}

/// The slot on the base level to start from: on each level above, walks to the neighbour that is
/// nearest until none is nearer.
Slot HnswGraph::Descend(const VectorCodec& codec, CodeView codes, const std::byte* query) const {
  const auto slot_of = [this](std::size_t level, Slot place) {
    for (std::size_t i = level + 1; i-- > 0;) {
      place = parts_.levels[i].down[place];
    }
    return place;
  };
  Slot place = parts_.entry;
  for (std::size_t level = parts_.levels.size(); level-- > 0;) {
    const Level& here = parts_.levels[level];
    float nearest = codec.Compare(query, codes.at(slot_of(level, place)));
    for (bool moved = true; moved;) {
      moved = false;
      const Slot* const links = here.links.data() + place * kUpperLinks;
      for (std::size_t i = 0; i < kUpperLinks && links[i] != kNone; ++i) {
        const float distance = codec.Compare(query, codes.at(slot_of(level, links[i])));
        if (distance < nearest) {
          nearest = distance;
          place = links[i];
          moved = true;
        }
      }
    }
    place = here.down[place];
  }
  return place;
}

std::span<const SlotDistance> HnswGraph::Search(const VectorCodec& codec, CodeView codes,
                                                const std::byte* query, std::size_t expansion,
                                                const SlotFilter* filter,
                                                HnswScratch& scratch) const {
  Walk(codec, codes, query, expansion, filter, kNone, scratch);
  std::sort_heap(scratch.found_.begin(), scratch.found_.end());
  return scratch.found_;
}

std::optional<HiddenRow> HnswGraph::IfHidden(const VectorCodec& codec, CodeView codes, Slot slot,
                                             std::size_t expansion, HnswScratch& scratch) const {
  const std::byte* const code = codes.at(slot);
  if (Walk(codec, codes, code, expansion, nullptr, slot, scratch) || scratch.found_.empty()) {
    return std::nullopt;
  }
  const auto& found = scratch.found_;
  if (found.size() == expansion && found.front().distance <= codec.Compare(code, code)) {
    return std::nullopt;
  }
  return HiddenRow{.slot = slot, .anchor = std::min_element(found.begin(), found.end())->slot};
}

bool HnswGraph::Walk(const VectorCodec& codec, CodeView codes, const std::byte* query,
                     std::size_t expansion, const SlotFilter* filter, Slot goal,
                     HnswScratch& scratch) const {
  std::vector<SlotDistance>& frontier = scratch.frontier_;
  std::vector<SlotDistance>& found = scratch.found_;
  frontier.clear();
  found.clear();
  if (size() == 0 || expansion == 0) {
    return false;
  }
  scratch.visited_.assign((size() + 63) / 64, 0);
  std::uint64_t* const visited = scratch.visited_.data();
  const auto visit = [&](Slot slot) {
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    const bool is_new = (visited[slot / 64] & bit) == 0;
    visited[slot / 64] |= bit;
    return is_new;
  };
  const auto offer = [&](SlotDistance candidate) {
    if (found.size() == expansion && candidate >= found.front()) {
      return;
    }
    frontier.push_back(candidate);
    std::push_heap(frontier.begin(), frontier.end(), std::greater<>());
    if (filter != nullptr && !filter->Allows(candidate.slot)) {
      return;
    }
    if (found.size() == expansion) {
      std::pop_heap(found.begin(), found.end());
      found.pop_back();
    }
    found.push_back(candidate);
    std::push_heap(found.begin(), found.end());
  };

  const Slot entry = Descend(codec, codes, query);
  if (entry == goal) {
    return true;
  }
  visit(entry);
  offer({codec.Compare(query, codes.at(entry)), entry});
  Slot fresh[kBaseLinks];
  while (!frontier.empty()) {
    const SlotDistance next = frontier.front();
    if (found.size() == expansion && next > found.front()) {
      break;
    }
    std::pop_heap(frontier.begin(), frontier.end(), std::greater<>());
    frontier.pop_back();
    const Slot* const links = parts_.base.data() + std::size_t{next.slot} * kBaseLinks;
    std::size_t count = 0;
    for (std::size_t i = 0; i < kBaseLinks && links[i] != kNone; ++i) {
      if (links[i] == goal) {
        return true;
      }
      if (visit(links[i])) {
        fresh[count++] = links[i];
      }
    }
    constexpr std::size_t kAhead = 3;
    for (std::size_t i = 0; i < std::min(count, kAhead); ++i) {
      PrefetchCode(codes.at(fresh[i]), codes.stride);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) {
        PrefetchCode(codes.at(fresh[i + kAhead]), codes.stride);
      }
      offer({codec.Compare(query, codes.at(fresh[i])), fresh[i]});
    }
    if (!frontier.empty()) {
      __builtin_prefetch(parts_.base.data() + std::size_t{frontier.front().slot} * kBaseLinks);
      __builtin_prefetch(parts_.base.data() + std::size_t{frontier.front().slot} * kBaseLinks + 16);
    }
  }
  return false;
}

}  // namespace embeddingsdb
