// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/mobilenet/mobilenet_embedder.h"

#include <cmath>
#include <mutex>
#include <utility>

#include "core/text.h"
#include "embedders/embedder_base.h"
#include "embedders/mobilenet/network.h"
#include "pictures/picture.h"

namespace embeddingsdb {
namespace {

using mobilenet::Network;

constexpr std::string_view kNote =
    "a small model of photographs, trained on to tell indecent ones. It sees shapes and colours "
    "rather than meanings, and thumbnails otherwise than the pictures they are of.";

class MobilenetEmbedder final : public EmbedderBase {
 public:
  MobilenetEmbedder() : EmbedderBase(Concat("mobilenet:// (", kMobilenetModel, ")")) {}

  EmbedderInputs Inputs(std::string_view model) const override {
    if (!model.empty() && model != kMobilenetModel) {
      return {};
    }
    return {.text = false, .image = true, .note = std::string(kNote)};
  }

 private:
  Result<Embedding> DoText(const EmbedRequest& /*request*/) override {
    return UnimplementedError("it takes no text");
  }
  Result<Embedding> DoImage(const EmbedRequest& request) override;
  Result<const Network*> TheNetwork();
  Result<std::vector<float>> Fit(std::string_view file);

  std::mutex network_mutex_;
  std::unique_ptr<Network> network_;  ///< made for the first picture
  std::mutex decoding_mutex_;
};

/// Features are never all zero: what is cut to 0 to 6 is not what makes them.
void ScaleToLengthOne(std::vector<float>& vector) {
  double square = 0;
  for (const float value : vector) {
    square += static_cast<double>(value) * static_cast<double>(value);
  }
  const double length = square > 0 ? std::sqrt(square) : 1;
  for (float& value : vector) {
    value = static_cast<float>(static_cast<double>(value) / length);
  }
}

Result<const Network*> MobilenetEmbedder::TheNetwork() {
  const std::lock_guard lock(network_mutex_);
  if (!network_) {
    EDB_ASSIGN(network_, Network::Load(mobilenet::BuiltinWeights()));
  }
  return network_.get();
}

Result<std::vector<float>> MobilenetEmbedder::Fit(std::string_view file) {
  const std::lock_guard lock(decoding_mutex_);
  EDB_ASSIGN(const Picture picture, DecodePicture(file));
  return FitOnWhite(picture, mobilenet::kSide);
}

Result<Embedding> MobilenetEmbedder::DoImage(const EmbedRequest& request) {
  EDB_ASSIGN(const std::vector<float> pixels, Fit(request.body));
  EDB_ASSIGN(const Network* network, TheNetwork());
  Embedding embedding = {.vector = network->Run(pixels), .model = std::string(kMobilenetModel)};
  ScaleToLengthOne(embedding.vector);
  return embedding;
}

}  // namespace

Result<std::unique_ptr<Embedder>> OpenMobilenetEmbedder(const Uri& uri,
                                                        const Context& /*context*/) {
  EDB_TRY(uri.CheckOptions({}));
  if (!uri.host().empty() || !uri.path().empty()) {
    return InvalidArgumentError(
        Concat("mobilenet:// takes no address, not ", Quote(uri.Redacted())));
  }
  return std::unique_ptr<Embedder>(std::make_unique<MobilenetEmbedder>());
}

}  // namespace embeddingsdb
