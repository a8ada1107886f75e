// SPDX-License-Identifier: BSD-3-Clause
//
// Builds the graph that HnswGraph searches, with usearch.
#ifndef EMBEDDINGSDB_INDEX_HNSW_BUILDER_H_
#define EMBEDDINGSDB_INDEX_HNSW_BUILDER_H_

#include <cstddef>
#include <stop_token>

#include "embeddingsdb/status.h"

#include "index/hnsw_graph.h"

namespace embeddingsdb {

struct HnswBuildOptions {
  std::size_t threads = 1;      ///< of which the calling thread is one
  std::size_t expansion = 128;  ///< candidates weighed for each node's links
  std::stop_token stop;         ///< kCancelled soon after it is asked to stop
};

/// A graph over the first `count` codes, which the caller keeps until it is built. kCancelled,
/// kResourceExhausted when memory runs out.
Result<HnswGraph> BuildHnsw(const VectorCodec& codec, CodeView codes, std::size_t count,
                            const HnswBuildOptions& options);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_HNSW_BUILDER_H_
