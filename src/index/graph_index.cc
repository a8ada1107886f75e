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

constexpr unsigned kChunkShift = 12;
constexpr std::size_t kChunkCodes = std::size_t{1} << kChunkShift;

// What a search must find of a sample before its expansion is taken for enough, and where trying
// ends. Both are more than the answer needs, because candidates are compared exactly afterwards.
constexpr std::size_t kSample = 64;
constexpr std::size_t kSampleNeighbours = 10;
constexpr double kSampleRecall = 0.99;
constexpr std::size_t kLeastExpansion = 64;
constexpr std::size_t kMostExpansion = 1'024;

std::vector<const std::byte*> ChunkStarts(const std::vector<std::shared_ptr<float[]>>& chunks) {
  std::vector<const std::byte*> starts;
  starts.reserve(chunks.size());
  for (const std::shared_ptr<float[]>& chunk : chunks) {
    starts.push_back(reinterpret_cast<const std::byte*>(chunk.get()));
  }
  return starts;
}

class FilteredSlots final : public SlotFilter {
 public:
  FilteredSlots(const std::vector<RowId>& ids, const GraphIndex::RowFilter& filter)
      : ids_(ids), filter_(filter) {}
  bool Allows(Slot slot) const override { return filter_(ids_[slot]); }

 private:
  const std::vector<RowId>& ids_;
  const GraphIndex::RowFilter& filter_;
};

/// The codes nearest to one of them, by comparing with all.
std::vector<SlotDistance> CompareAll(const VectorCodec& codec, CodeView codes, std::size_t count,
                                     Slot query) {
  std::vector<SlotDistance> nearest;
  for (std::size_t i = 0; i < count; ++i) {
    const auto slot = static_cast<Slot>(i);
    const SlotDistance one{codec.Compare(codes.at(query), codes.at(slot)), slot};
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

}  // namespace

GraphIndex::GraphIndex(std::shared_ptr<const VectorCodec> codec, Chunks chunks,
                       std::vector<RowId> ids, HnswGraph graph)
    : codec_(std::move(codec)),
      chunks_(std::move(chunks)),
      chunk_starts_(ChunkStarts(chunks_)),
      ids_(std::move(ids)),
      graph_(std::move(graph)) {}

CodeView GraphIndex::codes() const {
  return {chunk_starts_.data(), kChunkShift, codec_->stride()};
}

std::size_t GraphIndex::memory_bytes() const {
  return ids_.size() * codec_->stride() + ids_.capacity() * sizeof(RowId) + graph_.memory_bytes();
}

std::vector<RowId> GraphIndex::Search(std::span<const float> query, std::size_t count,
                                      const RowFilter& filter) const {
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
  std::vector<std::byte> code(codec_->stride());
  codec_->Encode(query, code);
  const FilteredSlots filtered(ids_, filter);
  const auto found =
      graph_.Search(*codec_, codes(), code.data(), std::max(count, expansion_),
                    filter ? static_cast<const SlotFilter*>(&filtered) : nullptr, *scratch);
  std::vector<RowId> rows;
  rows.reserve(std::min(count, found.size()));
  for (const SlotDistance& one : found.first(std::min(count, found.size()))) {
    rows.push_back(ids_[one.slot]);
  }
  const std::lock_guard lock(scratch_mutex_);
  scratches_.push_back(std::move(scratch));
  return rows;
}

std::size_t GraphIndex::EnoughExpansion() const {
  const std::size_t samples = std::min(kSample, size());
  std::vector<std::vector<SlotDistance>> truth;
  for (std::size_t i = 0; i < samples; ++i) {
    truth.push_back(CompareAll(*codec_, codes(), size(), SampleSlot(i, samples)));
  }
  HnswScratch scratch;
  std::size_t expansion = kLeastExpansion;
  for (; expansion < kMostExpansion; expansion *= 2) {
    std::size_t hits = 0;
    std::size_t asked = 0;
    for (std::size_t i = 0; i < samples; ++i) {
      const Slot query = SampleSlot(i, samples);
      const auto found =
          graph_.Search(*codec_, codes(), codes().at(query), expansion, nullptr, scratch);
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

bool GraphIndex::FindsItself(Slot slot, HnswScratch& scratch) const {
  const std::byte* const code = codes().at(slot);
  const auto found = graph_.Search(*codec_, codes(), code, expansion_, nullptr, scratch);
  // Of more equal vectors than fit, those that fit are as good.
  return std::any_of(found.begin(), found.end(),
                     [&](const SlotDistance& one) { return one.slot == slot; }) ||
         (!found.empty() && found.back().distance <= codec_->Compare(code, code));
}

Result<std::vector<RowId>> GraphIndex::FindHidden(std::size_t first,
                                                  const HnswBuildOptions& options) const {
  std::vector<RowId> hidden;
  std::mutex mutex;
  std::atomic<std::size_t> next = first;
  std::atomic<bool> failed = false;
  RunOnThreads(options.threads, [&](std::size_t /*thread*/) {
    try {
      HnswScratch scratch;
      for (std::size_t i = next++; i < size() && !options.stop.stop_requested(); i = next++) {
        if (!FindsItself(static_cast<Slot>(i), scratch)) {
          const std::lock_guard lock(mutex);
          hidden.push_back(ids_[i]);
        }
      }
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  });
  if (failed) {
    return ResourceExhaustedError("no memory to search the graph");
  }
  return hidden;
}

GraphIndexBuilder::GraphIndexBuilder(Metric metric, Precision precision, int dimension)
    : codec_(std::make_shared<const VectorCodec>(metric, precision, dimension)), graph_(*codec_) {}

Status GraphIndexBuilder::Add(RowId row, std::span<const float> vector) {
  const std::size_t slot = ids_.size();
  if (slot == HnswGraph::kNone) {
    return ResourceExhaustedError(Concat("a graph holds at most ", HnswGraph::kNone, " rows"));
  }
  if (slot == chunks_.size() * kChunkCodes) {
    AlignedFloats memory = NewAlignedFloats(kChunkCodes * codec_->stride() / sizeof(float));
    if (!memory) {
      return ResourceExhaustedError(Concat("no memory for the codes of ", slot + 1, " vectors"));
    }
    chunks_.emplace_back(std::move(memory));
  }
  auto* const chunk = reinterpret_cast<std::byte*>(chunks_.back().get());
  codec_->Encode(vector, {chunk + slot % kChunkCodes * codec_->stride(), codec_->stride()});
  ids_.push_back(row);
  return {};
}

Result<std::shared_ptr<const GraphIndex>> GraphIndexBuilder::Build(
    const HnswBuildOptions& options) {
  const std::vector<const std::byte*> starts = ChunkStarts(chunks_);
  const CodeView codes = {starts.data(), kChunkShift, codec_->stride()};
  EDB_TRY(graph_.Extend(codes, ids_.size(), options));
  EDB_ASSIGN(HnswGraph graph, graph_.Export(codes));
  // The last chunk is shared although it has room: what is added to it lies behind the index's end.
  std::shared_ptr<GraphIndex> index(new GraphIndex(codec_, chunks_, ids_, std::move(graph)));
  // A graph that has hardly grown needs no other expansion.
  if (index->size() > measured_size_ + measured_size_ / 2) {
    expansion_ = index->EnoughExpansion();
    measured_size_ = index->size();
    checked_size_ = 0;
    hidden_.clear();
  }
  index->expansion_ = expansion_;
  EDB_ASSIGN(const std::vector<RowId> hidden, index->FindHidden(checked_size_, options));
  if (options.stop.stop_requested()) {
    return CancelledError("building the index was stopped");
  }
  checked_size_ = index->size();
  hidden_.insert(hidden_.end(), hidden.begin(), hidden.end());
  index->hidden_ = hidden_;
  return std::shared_ptr<const GraphIndex>(std::move(index));
}

}  // namespace embeddingsdb
