// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/clip_server_embedder.h"

#include <array>
#include <string>
#include <utility>

#include "core/base64.h"
#include "core/json.h"
#include "core/text.h"
#include "embedders/embedder_answer.h"
#include "embedders/embedder_base.h"
#include "embedders/http_service.h"

namespace embeddingsdb {
namespace {

constexpr auto kVectors =
    std::to_array<std::string_view>({"embedding[]", "embeddings[]", "embedding[][]",
                                     "embeddings[][]", "[].embedding[]", "[].embedding[][]"});

class ClipServerEmbedder final : public EmbedderBase {
 public:
  ClipServerEmbedder(const ClipServerKind& kind, std::unique_ptr<HttpService> service)
      : EmbedderBase(service->name()), kind_(kind), service_(std::move(service)) {}

  EmbedderInputs Inputs(std::string_view /*model*/) const override {
    return {.text = true, .image = true};
  }

 private:
  Result<Embedding> DoText(const EmbedRequest& request) override {
    std::string json = "{\"content\":";
    AppendJsonString(json, request.body);
    return Ask(kind_.text_path, json + "}", request.model);
  }
  Result<Embedding> DoImage(const EmbedRequest& request) override {
    std::string json = "{\"image_data\":[{\"id\":1,\"data\":\"";
    AppendBase64(json, request.body);
    return Ask(kind_.image_path, json + "\"}]}", request.model);
  }

  Result<Embedding> Ask(std::string_view path, const std::string& json,
                        const std::string& asked_model) {
    EDB_ASSIGN(EmbedderAnswer answer, service_->Ask(path, json, {.vectors = kVectors}));
    Embedding embedding{.vector = std::move(answer.vectors.front()),
                        .model = std::move(answer.model)};
    if (embedding.model.empty()) {
      embedding.model = asked_model.empty() ? kind_.model : asked_model;
    }
    return embedding;
  }

  const ClipServerKind kind_;
  const std::unique_ptr<HttpService> service_;
};

}  // namespace

Result<std::unique_ptr<Embedder>> OpenClipServer(const ClipServerKind& kind, const Uri& uri,
                                                 const Context& context) {
  EDB_ASSIGN(auto service,
             HttpService::Open(uri, context, {.name = kind.name, .default_uri = kind.default_uri}));
  return std::unique_ptr<Embedder>(std::make_unique<ClipServerEmbedder>(kind, std::move(service)));
}

}  // namespace embeddingsdb
