// SPDX-License-Identifier: BSD-3-Clause
//
// Builds the graph that HnswGraph searches, with usearch.
#ifndef EMBEDDINGSDB_INDEX_HNSW_BUILDER_H_
#define EMBEDDINGSDB_INDEX_HNSW_BUILDER_H_

#include <cstddef>
#include <memory>
#include <stop_token>

#include "embeddingsdb/status.h"

#include "index/hnsw_graph.h"

namespace embeddingsdb {

struct HnswBuildOptions {
  std::size_t threads = 1;      ///< of which the calling thread is one
  std::size_t expansion = 128;  ///< candidates weighed for each node's links
  std::stop_token stop;         ///< kCancelled soon after it is asked to stop
};

/// A graph that grows. One thread at a time.
class HnswBuilder {
 public:
  /// `codec` outlives the builder.
  explicit HnswBuilder(const VectorCodec& codec);
  HnswBuilder(const HnswBuilder&) = delete;
  HnswBuilder& operator=(const HnswBuilder&) = delete;
  ~HnswBuilder();

  std::size_t size() const;

  /// Begins with a finished graph. The builder is new. kResourceExhausted.
  Status Restore(const HnswGraph& graph);
  /// Grows the graph to `count` codes; those it has must not have changed. kCancelled and
  /// kResourceExhausted leave a graph that is good for nothing but being destroyed.
  Status Extend(CodeView codes, std::size_t count, const HnswBuildOptions& options);
  /// The graph as it is now, with a way to every node.
  Result<HnswGraph> Export(CodeView codes) const;

 private:
  struct Graph;

  const VectorCodec& codec_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_HNSW_BUILDER_H_
