// SPDX-License-Identifier: BSD-3-Clause
//
// GraphIndex: which rows of a model are probably the nearest, found by walking a graph instead of
// comparing all.
#ifndef EMBEDDINGSDB_INDEX_GRAPH_INDEX_H_
#define EMBEDDINGSDB_INDEX_GRAPH_INDEX_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "index/hnsw_builder.h"
#include "index/hnsw_graph.h"
#include "index/sketches.h"
#include "index/vector_codec.h"

namespace embeddingsdb {

/// A graph with what was measured on it, and sketches for what the graph is no help with. It has
/// the first size() of a model's rows; those that are gone are for the filter to leave out.
/// Immutable, safe for concurrent use.
class GraphIndex {
 public:
  struct Measured {
    std::size_t expansion = 0;      ///< candidates that a search weighs at least
    std::size_t rows = 0;           ///< how many the graph had when that was measured
    std::vector<HiddenRow> hidden;  ///< all there are, by anchor
  };

  /// `sketches` are of all its rows, or null.
  GraphIndex(HnswGraph graph, Measured measured, std::shared_ptr<const Sketches> sketches)
      : graph_(std::move(graph)), measured_(std::move(measured)), sketches_(std::move(sketches)) {}

  /// The graph of `count` codes; `before`, if there is one, has the first of them, and its links
  /// are taken over. How far searches look is measured: until a sample of the rows finds nearly all
  /// of its true neighbours. Every row is asked for itself, to know the hidden ones. kCancelled,
  /// kResourceExhausted.
  static Result<std::shared_ptr<const GraphIndex>> Build(const CodeSet& codes, std::size_t count,
                                                         const GraphIndex* before,
                                                         const HnswBuildOptions& options);

  std::size_t size() const { return graph_.size(); }
  const HnswGraph& graph() const { return graph_; }
  const Measured& measured() const { return measured_; }
  /// Null where codes are so short that sketches are not worth it.
  const Sketches* sketches() const { return sketches_.get(); }

  /// The hidden rows with this anchor. A search that comes to the anchor should compare them too.
  std::span<const HiddenRow> HiddenAt(Slot anchor) const;

  /// About the query.expansion nearest of the rows that the filter allows, or more, nearest first;
  /// fewer when the graph leads to no more. Hidden rows are not among them unless the graph happens
  /// to lead there.
  std::vector<SlotDistance> Search(const CodeSet& codes, HnswQuery query) const;

 private:
  HnswGraph graph_;
  Measured measured_;
  std::shared_ptr<const Sketches> sketches_;
  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<HnswScratch>> scratches_;  // guarded by scratch_mutex_
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_GRAPH_INDEX_H_
