// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_EMBEDDERS_MOBILENET_MOBILENET_EMBEDDER_H_
#define EMBEDDINGSDB_EMBEDDERS_MOBILENET_MOBILENET_EMBEDDER_H_

#include <memory>
#include <string_view>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// The only model that mobilenet:// knows, as the demo's records name it.
inline constexpr std::string_view kMobilenetModel = "mobilenet_v2_1.0_224";

/// mobilenet://: pictures, in this process, with nothing else installed. The vector is the pooled
/// feature layer of MobileNetV2 over the picture at 224 x 224 on white, scaled to length 1: 1,280
/// numbers. docs/picture-model.md says what it is good for.
///
/// One picture is decoded at a time, so that many large ones do not take the memory together; the
/// models run side by side.
Result<std::unique_ptr<Embedder>> OpenMobilenetEmbedder(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_MOBILENET_MOBILENET_EMBEDDER_H_
