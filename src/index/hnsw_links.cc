// SPDX-License-Identifier: BSD-3-Clause
#include "index/hnsw_links.h"

#include <algorithm>
#include <utility>

namespace embeddingsdb {

HnswGraph HnswLinks::View() const {
  HnswGraph::Parts parts{.base = base, .levels = {}, .entry = entry};
  for (const Level& level : levels) {
    parts.levels.push_back({level.down, level.links});
  }
  return {std::move(parts), nullptr};
}

HnswGraph HnswLinks::Finish(HnswLinks links) {
  const auto owner = std::make_shared<const HnswLinks>(std::move(links));
  return {owner->View().parts(), owner};
}

std::span<Slot> HnswLinks::LinksOf(Slot slot) {
  return std::span(base).subspan(std::size_t{slot} * HnswGraph::kBaseLinks, HnswGraph::kBaseLinks);
}

std::span<const Slot> HnswLinks::LinksOf(Slot slot) const {
  return std::span(base).subspan(std::size_t{slot} * HnswGraph::kBaseLinks, HnswGraph::kBaseLinks);
}

void HnswLinks::Reach(Slot start, std::vector<bool>& reached) const {
  std::vector<Slot> waiting = {start};
  reached[start] = true;
  while (!waiting.empty()) {
    const std::span<const Slot> links = LinksOf(waiting.back());
    waiting.pop_back();
    for (std::size_t i = 0; i < HnswGraph::kBaseLinks && links[i] != HnswGraph::kNone; ++i) {
      if (!reached[links[i]]) {
        reached[links[i]] = true;
        waiting.push_back(links[i]);
      }
    }
  }
}

/// Sees to it that one of the neighbours, if possible the nearest, links to the slot.
void HnswLinks::LinkBack(Slot slot, const VectorCodec& codec, CodeView codes) {
  std::vector<SlotDistance> with_room;
  for (const Slot neighbour : LinksOf(slot)) {
    if (neighbour == HnswGraph::kNone) {
      break;
    }
    const std::span<const Slot> back = LinksOf(neighbour);
    if (std::find(back.begin(), back.end(), slot) != back.end()) {
      return;
    }
    if (back.back() == HnswGraph::kNone) {
      with_room.push_back({codec.Compare(codes.at(slot), codes.at(neighbour)), neighbour});
    }
  }
  if (!with_room.empty()) {
    const std::span<Slot> back =
        LinksOf(std::min_element(with_room.begin(), with_room.end())->slot);
    *std::find(back.begin(), back.end(), HnswGraph::kNone) = slot;
  }
}

/// Uses the nearest of `near` that is reached and has room for a link.
bool HnswLinks::LinkTo(Slot slot, std::span<const SlotDistance> near,
                       const std::vector<bool>& reached) {
  for (const SlotDistance& one : near) {
    const std::span<Slot> links = LinksOf(one.slot);
    if (reached[one.slot] && links.back() == HnswGraph::kNone) {
      *std::find(links.begin(), links.end(), HnswGraph::kNone) = slot;
      return true;
    }
  }
  return false;
}

void HnswLinks::Connect(const VectorCodec& codec, CodeView codes) {
  if (size() == 0) {
    return;
  }
  for (std::size_t i = 0; i < size(); ++i) {
    LinkBack(static_cast<Slot>(i), codec, codes);
  }
  constexpr std::size_t kNear = 128;
  std::vector<bool> reached(size());
  const HnswGraph graph = View();
  Reach(graph.EntrySlot(), reached);
  HnswScratch scratch;
  for (std::size_t i = 0; i < size(); ++i) {
    const auto slot = static_cast<Slot>(i);
    // A search finds reached nodes only; with a larger expansion when all of them are full.
    for (std::size_t near = kNear; !reached[slot] && near < 2 * size(); near *= 2) {
      if (LinkTo(slot,
                 graph.Search({codec, codes}, {.code = codes.at(slot), .expansion = near}, scratch),
                 reached)) {
        Reach(slot, reached);
      }
    }
  }
}

}  // namespace embeddingsdb
