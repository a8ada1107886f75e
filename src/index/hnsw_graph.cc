// SPDX-License-Identifier: BSD-3-Clause
#include "index/hnsw_graph.h"

#include <algorithm>
#include <functional>

namespace embeddingsdb {
namespace {

constexpr std::size_t kLineBytes = 64;

/// Nodes lie anywhere in memory, so reading one costs more than comparing it: every line of the
/// next one is asked for while this one is compared.
void Prefetch(const std::byte* code, std::size_t bytes) {
  for (std::size_t offset = 0; offset < bytes; offset += kLineBytes) {
    __builtin_prefetch(code + offset);
  }
}

}  // namespace

std::size_t HnswGraph::memory_bytes() const {
  std::size_t slots = base_.capacity();
  for (const Level& level : levels_) {
    slots += level.down.capacity() + level.links.capacity();
  }
  return slots * sizeof(Slot);
}

Slot HnswGraph::EntrySlot() const {
  Slot place = entry_;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    place = levels_[level].down[place];
  }
  return place;
}

std::span<Slot> HnswGraph::Links(Slot slot) {
  return std::span(base_).subspan(std::size_t{slot} * kBaseLinks, kBaseLinks);
}

std::span<const Slot> HnswGraph::Links(Slot slot) const {
  return std::span(base_).subspan(std::size_t{slot} * kBaseLinks, kBaseLinks);
}

void HnswGraph::Reach(Slot start, std::vector<bool>& reached) const {
  std::vector<Slot> waiting = {start};
  reached[start] = true;
  while (!waiting.empty()) {
    const std::span<const Slot> links = Links(waiting.back());
    waiting.pop_back();
    for (std::size_t i = 0; i < kBaseLinks && links[i] != kNone; ++i) {
      if (!reached[links[i]]) {
        reached[links[i]] = true;
        waiting.push_back(links[i]);
      }
    }
  }
}

/// Sees to it that one of the neighbours, if possible the nearest, links to the slot.
void HnswGraph::LinkBack(Slot slot, const VectorCodec& codec, CodeView codes) {
  std::vector<SlotDistance> with_room;
  for (const Slot neighbour : Links(slot)) {
    if (neighbour == kNone) {
      break;
    }
    const std::span<const Slot> back = Links(neighbour);
    if (std::find(back.begin(), back.end(), slot) != back.end()) {
      return;
    }
    if (back.back() == kNone) {
      with_room.push_back({codec.Compare(codes.at(slot), codes.at(neighbour)), neighbour});
    }
  }
  if (!with_room.empty()) {
    const std::span<Slot> back = Links(std::min_element(with_room.begin(), with_room.end())->slot);
    *std::find(back.begin(), back.end(), kNone) = slot;
  }
}

/// Uses the nearest of `near` that is reached and has room for a link.
bool HnswGraph::LinkTo(Slot slot, std::span<const SlotDistance> near,
                       const std::vector<bool>& reached) {
  for (const SlotDistance& one : near) {
    const std::span<Slot> links = Links(one.slot);
    if (reached[one.slot] && links.back() == kNone) {
      *std::find(links.begin(), links.end(), kNone) = slot;
      return true;
    }
  }
  return false;
}

void HnswGraph::Connect(const VectorCodec& codec, CodeView codes) {
  if (size() == 0) {
    return;
  }
  for (std::size_t i = 0; i < size(); ++i) {
    LinkBack(static_cast<Slot>(i), codec, codes);
  }
  constexpr std::size_t kNear = 128;
  std::vector<bool> reached(size());
  Reach(EntrySlot(), reached);
  HnswScratch scratch;
  for (std::size_t i = 0; i < size(); ++i) {
    const auto slot = static_cast<Slot>(i);
    // A search finds reached nodes only; with a larger expansion when all of them are full.
    for (std::size_t near = kNear; !reached[slot] && near < 2 * size(); near *= 2) {
      if (LinkTo(slot, Search(codec, codes, codes.at(slot), near, nullptr, scratch), reached)) {
        Reach(slot, reached);
      }
    }
  }
}

/// The slot on the base level to start from: on each level above, walks to the neighbour that is
/// nearest until none is nearer.
Slot HnswGraph::Descend(const VectorCodec& codec, CodeView codes, const std::byte* query) const {
  const auto slot_of = [this](std::size_t level, Slot place) {
    for (std::size_t i = level + 1; i-- > 0;) {
      place = levels_[i].down[place];
    }
    return place;
  };
  Slot place = entry_;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    const Level& here = levels_[level];
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
  std::vector<SlotDistance>& frontier = scratch.frontier_;
  std::vector<SlotDistance>& found = scratch.found_;
  frontier.clear();
  found.clear();
  if (size() == 0 || expansion == 0) {
    return found;
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
    const Slot* const links = base_.data() + std::size_t{next.slot} * kBaseLinks;
    std::size_t count = 0;
    for (std::size_t i = 0; i < kBaseLinks && links[i] != kNone; ++i) {
      if (visit(links[i])) {
        fresh[count++] = links[i];
      }
    }
    constexpr std::size_t kAhead = 3;
    for (std::size_t i = 0; i < std::min(count, kAhead); ++i) {
      Prefetch(codes.at(fresh[i]), codes.stride);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) {
        Prefetch(codes.at(fresh[i + kAhead]), codes.stride);
      }
      offer({codec.Compare(query, codes.at(fresh[i])), fresh[i]});
    }
    if (!frontier.empty()) {
      __builtin_prefetch(base_.data() + std::size_t{frontier.front().slot} * kBaseLinks);
      __builtin_prefetch(base_.data() + std::size_t{frontier.front().slot} * kBaseLinks + 16);
    }
  }
  std::sort_heap(found.begin(), found.end());
  return found;
}

}  // namespace embeddingsdb
