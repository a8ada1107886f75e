// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_EMBEDDERS_ROUTE_EMBEDDER_H_
#define EMBEDDINGSDB_EMBEDDERS_ROUTE_EMBEDDER_H_

#include <memory>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// route://?client-uri=URI...MODEL&client-uri=URI...MODEL...MODEL: an embedder for each model,
/// chosen by the request's. The same URI is opened once. kInvalidArgument for a value that names no
/// model, for a model that is named twice, for one that its embedder does not know, for more than
/// kMaxRoutes embedders, and for a route:// in another.
Result<std::unique_ptr<Embedder>> OpenRouteEmbedder(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_ROUTE_EMBEDDER_H_
