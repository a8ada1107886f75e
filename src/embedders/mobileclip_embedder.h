// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_EMBEDDERS_MOBILECLIP_EMBEDDER_H_
#define EMBEDDINGSDB_EMBEDDERS_MOBILECLIP_EMBEDDER_H_

#include <memory>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// mobileclip://?client-uri=grpc://HOST:PORT: a MobileCLIP server, over gRPC. The options of our
/// own gRPC clients (tls-certificate, token-uri, ...) may stand in either URI; with `tls-key`,
/// tls-certificate is the client's own, as in go-embeddings. The model is the request's, or `model`
/// of the URI, without the "apple/mobileclip_" that records have in front of it.
Result<std::unique_ptr<Embedder>> OpenMobileClipEmbedder(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_MOBILECLIP_EMBEDDER_H_
