// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_EMBEDDERS_NULL_EMBEDDER_H_
#define EMBEDDINGSDB_EMBEDDERS_NULL_EMBEDDER_H_

#include <memory>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// null://: every text and picture has an empty vector, of the model "null", as in go-embeddings.
Result<std::unique_ptr<Embedder>> OpenNullEmbedder(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_NULL_EMBEDDER_H_
