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
Slot HnswGraph::Descend(const CodeSet& codes, const std::byte* query) const {
  const auto slot_of = [this](std::size_t level, Slot place) {
    for (std::size_t i = level + 1; i-- > 0;) {
      place = parts_.levels[i].down[place];
    }
    return place;
  };
  Slot place = parts_.entry;
  for (std::size_t level = parts_.levels.size(); level-- > 0;) {
    const Level& here = parts_.levels[level];
    float nearest = codes.Compare(query, slot_of(level, place));
    for (bool moved = true; moved;) {
      moved = false;
      const Slot* const links = here.links.data() + std::size_t{place} * kUpperLinks;
      for (std::size_t i = 0; i < kUpperLinks && links[i] != kNone; ++i) {
        const float distance = codes.Compare(query, slot_of(level, links[i]));
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

std::span<const SlotDistance> HnswGraph::Search(const CodeSet& codes, const HnswQuery& query,
                                                HnswScratch& scratch) const {
  Walk(codes, query, kNone, scratch);
  std::sort_heap(scratch.found_.begin(), scratch.found_.end());
  return scratch.found_;
}

std::optional<HiddenRow> HnswGraph::IfHidden(const CodeSet& codes, Slot slot, std::size_t expansion,
                                             HnswScratch& scratch) const {
  const std::byte* const code = codes.at(slot);
  const std::vector<SlotDistance>& found = scratch.found_;
  if (Walk(codes, {.code = code, .expansion = expansion}, slot, scratch) || found.empty()) {
    return std::nullopt;
  }
  if (found.size() == expansion && found.front().distance <= codes.Compare(code, slot)) {
    return std::nullopt;
  }
  return HiddenRow{.slot = slot, .anchor = std::min_element(found.begin(), found.end())->slot};
}

/// The neighbours of a slot that have not been visited, which they are now; how many.
std::size_t HnswGraph::FreshLinks(Slot slot, std::vector<std::uint64_t>& visited,
                                  std::span<Slot> fresh) const {
  const Slot* const links = parts_.base.data() + std::size_t{slot} * kBaseLinks;
  std::size_t count = 0;
  for (std::size_t i = 0; i < kBaseLinks && links[i] != kNone; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << (links[i] % 64);
    std::uint64_t& word = visited[links[i] / 64];
    if ((word & bit) == 0) {
      word |= bit;
      fresh[count++] = links[i];
    }
  }
  return count;
}

bool HnswGraph::Walk(const CodeSet& codes, const HnswQuery& query, Slot goal,
                     HnswScratch& scratch) const {
  std::vector<SlotDistance>& frontier = scratch.frontier_;
  std::vector<SlotDistance>& found = scratch.found_;
  frontier.clear();
  found.clear();
  if (size() == 0 || query.expansion == 0) {
    return false;
  }
  const auto offer = [&](SlotDistance candidate) {
    if (found.size() == query.expansion && candidate >= found.front()) {
      return;
    }
    frontier.push_back(candidate);
    std::push_heap(frontier.begin(), frontier.end(), std::greater<>());
    if (query.filter != nullptr && !query.filter->Allows(candidate.slot)) {
      return;
    }
    if (found.size() == query.expansion) {
      std::pop_heap(found.begin(), found.end());
      found.pop_back();
    }
    found.push_back(candidate);
    std::push_heap(found.begin(), found.end());
  };

  const Slot entry = Descend(codes, query.code);
  scratch.visited_.assign((size() + 63) / 64, 0);
  scratch.visited_[entry / 64] |= std::uint64_t{1} << (entry % 64);
  offer({codes.Compare(query.code, entry), entry});
  bool at_goal = entry == goal;
  Slot fresh[kBaseLinks];
  while (!frontier.empty() && !at_goal) {
    const SlotDistance next = frontier.front();
    if (found.size() == query.expansion && next > found.front()) {
      break;
    }
    std::pop_heap(frontier.begin(), frontier.end(), std::greater<>());
    frontier.pop_back();
    const std::size_t count = FreshLinks(next.slot, scratch.visited_, fresh);
    constexpr std::size_t kAhead = 3;
    for (std::size_t i = 0; i < std::min(count, kAhead); ++i) {
      codes.Prefetch(fresh[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) {
        codes.Prefetch(fresh[i + kAhead]);
      }
      at_goal = at_goal || fresh[i] == goal;
      offer({codes.Compare(query.code, fresh[i]), fresh[i]});
    }
    if (!frontier.empty()) {
      const Slot* const links =
          parts_.base.data() + std::size_t{frontier.front().slot} * kBaseLinks;
      __builtin_prefetch(links);
      __builtin_prefetch(links + kBaseLinks / 2);
    }
  }
  return at_goal;
}

}  // namespace embeddingsdb
