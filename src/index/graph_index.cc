// SPDX-License-Identifier: BSD-3-Clause
#include "index/graph_index.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

#include "core/text.h"
#include "index/threads.h"

namespace embeddingsdb {
namespace {

// What a search must find of a sample before its expansion is taken for enough, and where trying
// ends. Both are more than the answer needs, because candidates are compared exactly afterwards.
constexpr std::size_t kSample = 64;
constexpr std::size_t kSampleNeighbours = 10;
constexpr double kSampleRecall = 0.99;
constexpr std::size_t kLeastExpansion = 64;
constexpr std::size_t kMostExpansion = 1'024;

/// A graph and its codes, for measuring.
struct Sampled {
  const CodeSet& codes;
  const HnswGraph& graph;

  Slot Sample(std::size_t number, std::size_t samples) const {
    return static_cast<Slot>(number * graph.size() / samples);
  }
};

/// The codes nearest to one of them, by comparing with all.
std::vector<SlotDistance> CompareAll(const Sampled& all, Slot query) {
  std::vector<SlotDistance> nearest;
  for (std::size_t i = 0; i < all.graph.size(); ++i) {
    const auto slot = static_cast<Slot>(i);
    const SlotDistance one{all.codes.Compare(all.codes.at(query), slot), slot};
    if (nearest.size() == kSampleNeighbours) {
      if (one >= nearest.front()) {
        continue;
      }
      std::pop_heap(nearest.begin(), nearest.end());
      nearest.pop_back();
    }
    nearest.push_back(one);
    std::push_heap(nearest.begin(), nearest.end());
  }
  std::sort_heap(nearest.begin(), nearest.end());
  return nearest;
}

std::size_t EnoughExpansion(const Sampled& all) {
  const std::size_t samples = std::min(kSample, all.graph.size());
  std::vector<std::vector<SlotDistance>> truth;
  truth.reserve(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    truth.push_back(CompareAll(all, all.Sample(i, samples)));
  }
  HnswScratch scratch;
  std::size_t expansion = kLeastExpansion;
  for (; expansion < kMostExpansion; expansion *= 2) {
    std::size_t hits = 0;
    std::size_t asked = 0;
    for (std::size_t i = 0; i < samples; ++i) {
      const Slot query = all.Sample(i, samples);
      const auto found = all.graph.Search(
          all.codes, {.code = all.codes.at(query), .expansion = expansion}, scratch);
      // By distance, not by slot: of equal neighbours any is right.
      const float farthest = truth[i].back().distance;
      hits += std::min(truth[i].size(),
                       static_cast<std::size_t>(std::count_if(
                           found.begin(), found.end(),
                           [&](const SlotDistance& one) { return one.distance <= farthest; })));
      asked += truth[i].size();
    }
    if (static_cast<double>(hits) >= kSampleRecall * static_cast<double>(asked)) {
      break;
    }
  }
  return expansion;
}

/// All rows are asked: links that come with new ones can hide a row that was found before.
Result<std::vector<HiddenRow>> FindHidden(const Sampled& all, std::size_t expansion,
                                          const HnswBuildOptions& options) {
  std::vector<HiddenRow> hidden;
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  RunOnThreads(options.threads, [&](std::size_t /*thread*/) {
    try {
      HnswScratch scratch;
      for (std::size_t i = next++; i < all.graph.size() && !options.stop.stop_requested();
           i = next++) {
        const auto row = all.graph.IfHidden(all.codes, static_cast<Slot>(i), expansion, scratch);
        if (row) {
          const std::lock_guard lock(mutex);
          hidden.push_back(*row);
        }
      }
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  });
  if (failed) {
    return ResourceExhaustedError("no memory to search the graph");
  }
  if (options.stop.stop_requested()) {
    return CancelledError("building the index was stopped");
  }
  std::sort(hidden.begin(), hidden.end());
  return hidden;
}

}  // namespace

Result<std::shared_ptr<const GraphIndex>> GraphIndex::Build(const CodeSet& codes, std::size_t count,
                                                            const GraphIndex* before,
                                                            const HnswBuildOptions& options) {
  HnswBuilder builder(codes.codec);
  if (before != nullptr) {
    EDB_TRY(builder.Restore(before->graph()));
  }
  EDB_TRY(builder.Extend(codes.view, count, options));
  EDB_ASSIGN(HnswGraph graph, builder.Export(codes.view));
  const Sampled sampled = {codes, graph};
  Measured measured;
  // A graph that has hardly grown needs no other expansion.
  if (before != nullptr && count <= before->measured().rows + before->measured().rows / 2) {
    measured.expansion = before->measured().expansion;
    measured.rows = before->measured().rows;
  } else {
    measured.expansion = EnoughExpansion(sampled);
    measured.rows = count;
  }
  EDB_ASSIGN(measured.hidden, FindHidden(sampled, measured.expansion, options));
  std::shared_ptr<const Sketches> sketches;
  if (Sketches::AreWorthwhile(codes.codec)) {
    EDB_ASSIGN(sketches, Sketches::Make(codes, count,
                                        before == nullptr ? nullptr : before->sketches(), options));
  }
  return std::shared_ptr<const GraphIndex>(
      std::make_shared<GraphIndex>(std::move(graph), std::move(measured), std::move(sketches)));
}

std::span<const HiddenRow> GraphIndex::HiddenAt(Slot anchor) const {
  const auto [first, last] = std::equal_range(
      measured_.hidden.begin(), measured_.hidden.end(), HiddenRow{.slot = 0, .anchor = anchor},
      [](const HiddenRow& a, const HiddenRow& b) { return a.anchor < b.anchor; });
  return {first, last};
}

std::vector<SlotDistance> GraphIndex::Search(const CodeSet& codes, HnswQuery query) const {
  std::unique_ptr<HnswScratch> scratch;
  {
    const std::lock_guard lock(scratch_mutex_);
    if (!scratches_.empty()) {
      scratch = std::move(scratches_.back());
      scratches_.pop_back();
    }
  }
  if (scratch == nullptr) {
    scratch = std::make_unique<HnswScratch>();
  }
  query.expansion = std::max(query.expansion, measured_.expansion);
  const auto found = graph_.Search(codes, query, *scratch);
  std::vector<SlotDistance> nearest(found.begin(), found.end());
  const std::lock_guard lock(scratch_mutex_);
  scratches_.push_back(std::move(scratch));
  return nearest;
}

}  // namespace embeddingsdb
