// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/null_embedder.h"

namespace embeddingsdb {
namespace {

class NullEmbedder final : public Embedder {
 public:
  EmbedderInputs Inputs(std::string_view /*model*/) const override {
    return {.text = true, .image = true};
  }
  Result<Embedding> Text(const EmbedRequest& /*request*/) override { return Nothing(); }
  Result<Embedding> Image(const EmbedRequest& /*request*/) override { return Nothing(); }

 private:
  static Embedding Nothing() { return {.vector = {}, .model = "null"}; }
};

}  // namespace

Result<std::unique_ptr<Embedder>> OpenNullEmbedder(const Uri& uri, const Context& /*context*/) {
  EDB_TRY(uri.CheckOptions({}));
  return std::unique_ptr<Embedder>(std::make_unique<NullEmbedder>());
}

}  // namespace embeddingsdb
