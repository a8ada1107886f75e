// SPDX-License-Identifier: BSD-3-Clause
//
// GraphIndex: which rows of a model are probably the nearest, found by walking a graph instead of
// comparing all. What it says is a short list to be compared exactly.
#ifndef EMBEDDINGSDB_INDEX_GRAPH_INDEX_H_
#define EMBEDDINGSDB_INDEX_GRAPH_INDEX_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "embeddingsdb/index.h"

#include "index/hnsw_builder.h"
#include "index/hnsw_graph.h"
#include "index/vector_blocks.h"
#include "index/vector_codec.h"

namespace embeddingsdb {

/// Some rows with their graph, as the builder had them at one moment. Immutable, safe for
/// concurrent use; rows that have gone since are for the filter to leave out.
class GraphIndex {
 public:
  /// Which rows may be returned; null: all.
  using RowFilter = std::function<bool(RowId)>;

  std::size_t size() const { return ids_.size(); }
  std::size_t memory_bytes() const;

  /// About the `count` nearest rows, in no promised order; fewer when the graph leads to no more.
  /// Those of hidden() are not among them unless the graph happens to lead there.
  std::vector<RowId> Search(std::span<const float> query, std::size_t count,
                            const RowFilter& filter) const;

  /// Rows that a search for their own vector does not find: a few, where many vectors are nearly
  /// equal. They are for the caller to compare one by one.
  std::span<const RowId> hidden() const { return hidden_; }

 private:
  friend class GraphIndexBuilder;
  using Chunks = std::vector<std::shared_ptr<float[]>>;

  GraphIndex(std::shared_ptr<const VectorCodec> codec, Chunks chunks, std::vector<RowId> ids,
             HnswGraph graph);

  CodeView codes() const;
  Slot SampleSlot(std::size_t number, std::size_t samples) const {
    return static_cast<Slot>(number * size() / samples);
  }
  std::size_t EnoughExpansion() const;
  bool FindsItself(Slot slot, HnswScratch& scratch) const;
  Result<std::vector<RowId>> FindHidden(std::size_t first, const HnswBuildOptions& options) const;

  std::shared_ptr<const VectorCodec> codec_;
  Chunks chunks_;
  std::vector<const std::byte*> chunk_starts_;
  std::vector<RowId> ids_;  // slot by slot, ascending
  HnswGraph graph_;
  std::size_t expansion_ = 0;  // candidates a search weighs at least
  std::vector<RowId> hidden_;

  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<HnswScratch>> scratches_;  // guarded by scratch_mutex_
};

/// Grows an index in steps, each of which costs what is new. One thread at a time.
class GraphIndexBuilder {
 public:
  GraphIndexBuilder(Metric metric, Precision precision, int dimension);

  std::size_t size() const { return ids_.size(); }
  /// Takes a row for the next Build; `row` is larger than all before. kResourceExhausted.
  Status Add(RowId row, std::span<const float> vector);

  /// The index of all rows taken. How far its searches look is measured: until a sample of its rows
  /// finds nearly all of its true neighbours. Every row is asked for itself, to know the hidden
  /// ones. kCancelled, kResourceExhausted: begin anew.
  Result<std::shared_ptr<const GraphIndex>> Build(const HnswBuildOptions& options);

 private:
  std::shared_ptr<const VectorCodec> codec_;
  GraphIndex::Chunks chunks_;
  std::vector<RowId> ids_;
  HnswBuilder graph_;
  std::size_t expansion_ = 0;  // as last measured
  std::size_t measured_size_ = 0;
  std::size_t checked_size_ = 0;  // rows that have been asked for themselves
  std::vector<RowId> hidden_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_GRAPH_INDEX_H_
