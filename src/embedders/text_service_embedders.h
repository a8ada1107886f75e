// SPDX-License-Identifier: BSD-3-Clause
//
// Services that embed texts only.
#ifndef EMBEDDINGSDB_EMBEDDERS_TEXT_SERVICE_EMBEDDERS_H_
#define EMBEDDINGSDB_EMBEDDERS_TEXT_SERVICE_EMBEDDERS_H_

#include <memory>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// ollama://?model=M: {"model":M,"input":TEXT} to /api/embed, answered by {"embeddings":[[...]]}.
/// Without `model` it is the request's, less the "ollama/" that records have in front of it.
Result<std::unique_ptr<Embedder>> OpenOllamaEmbedder(const Uri& uri, const Context& context);

/// encoderfile://: {"inputs":[TEXT],"normalize":true} to /predict. The answer has a vector for each
/// token; their mean, made one long, is the text's.
Result<std::unique_ptr<Embedder>> OpenEncoderfileEmbedder(const Uri& uri, const Context& context);

/// openai://?client-uri=https://HOST/v1&model=M: {"model":M,"input":TEXT,"encoding_format":"float"}
/// to /embeddings below client-uri, whose path is /v1 when it has none. Without `model` it is the
/// request's.
Result<std::unique_ptr<Embedder>> OpenOpenAiEmbedder(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_TEXT_SERVICE_EMBEDDERS_H_
