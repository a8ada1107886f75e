// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_EMBEDDERS_CLIP_SERVER_EMBEDDER_H_
#define EMBEDDINGSDB_EMBEDDERS_CLIP_SERVER_EMBEDDER_H_

#include <memory>
#include <string_view>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// What tells llamafile and the HTTP servers of CLIP models, which speak alike, from each other.
struct ClipServerKind {
  std::string_view name;
  std::string_view default_uri;
  std::string_view text_path;
  std::string_view image_path;
  std::string_view model;  ///< when neither the request nor the answer names one
};

/// {"content":TEXT} or {"image_data":[{"id":1,"data":BASE64}]} to the respective path. The answer
/// is {"embedding":[...]} or {"embeddings":[...]}, the list may be in a list, and may have a
/// "model"; llama.cpp has it all in one more list. Such a server has one model, so the request's
/// does not matter.
Result<std::unique_ptr<Embedder>> OpenClipServer(const ClipServerKind& kind, const Uri& uri,
                                                 const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_CLIP_SERVER_EMBEDDER_H_
