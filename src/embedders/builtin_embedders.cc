// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/builtin_embedders.h"

#include "embedders/mobilenet/mobilenet_embedder.h"
#include "embedders/null_embedder.h"

namespace embeddingsdb {

void RegisterBuiltinEmbedders(Registry& registry) {
  registry.AddEmbedder("mobilenet", OpenMobilenetEmbedder);
  registry.AddEmbedder("null", OpenNullEmbedder);
}

}  // namespace embeddingsdb
