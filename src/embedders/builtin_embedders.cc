// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/builtin_embedders.h"

#include <array>
#include <string_view>

#include "core/text.h"
#include "embedders/clip_server_embedder.h"
#include "embedders/mobileclip_embedder.h"
#include "embedders/mobilenet/mobilenet_embedder.h"
#include "embedders/null_embedder.h"
#include "embedders/route_embedder.h"
#include "embedders/text_service_embedders.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kClipServer = "http://localhost:5000";

constexpr auto kClipServers = std::to_array<ClipServerKind>({
    {"llamafile", "http://localhost:8080", "/embedding", "/embedding", ""},
    {"openclip", kClipServer, "/embeddings", "/embeddings/image", "openclip"},
    {"openclip-client", kClipServer, "/embeddings", "/embeddings/image", "openclip"},
    {"mlxclip-client", kClipServer, "/embeddings", "/embeddings/image", "mlxclip"},
    {"siglip-client", kClipServer, "/embeddings", "/embeddings/image", ""},
});

/// go-embeddings has each scheme for two widths of its numbers. Ours are 32 bits wide, as records
/// are.
void Add(Registry& registry, std::string_view scheme, const EmbedderFactory& factory) {
  for (const std::string_view width : {"", "32", "64"}) {
    registry.AddEmbedder(Concat(scheme, width), factory);
  }
}

}  // namespace

void RegisterBuiltinEmbedders(Registry& registry) {
  registry.AddEmbedder("mobilenet", OpenMobilenetEmbedder);
  Add(registry, "null", OpenNullEmbedder);
  Add(registry, "route", OpenRouteEmbedder);
  Add(registry, "mobileclip", OpenMobileClipEmbedder);
  Add(registry, "ollama", OpenOllamaEmbedder);
  Add(registry, "ollamas", OpenOllamaEmbedder);
  Add(registry, "encoderfile", OpenEncoderfileEmbedder);
  Add(registry, "openai", OpenOpenAiEmbedder);
  for (const ClipServerKind& kind : kClipServers) {
    Add(registry, kind.name, [kind](const Uri& uri, const Context& context) {
      return OpenClipServer(kind, uri, context);
    });
  }
}

}  // namespace embeddingsdb
