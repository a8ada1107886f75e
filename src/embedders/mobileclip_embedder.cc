// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/mobileclip_embedder.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "embedders/embedder_base.h"
#include "embedders/http_service.h"
#include "org_sfomuseum_embeddings_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/convert.h"

namespace embeddingsdb {
namespace {

namespace wire = ::org_sfomuseum_embeddings_service;

constexpr std::string_view kFamily = "apple/mobileclip";
constexpr std::string_view kPrefix = "apple/mobileclip_";
constexpr auto kModels = std::to_array<std::string_view>({"s0", "s1", "s2", "blt"});
constexpr auto kOwnOptions =
    std::to_array<std::string_view>({"client-uri", "server-uri", "timeout", "model"});
constexpr std::string_view kKeyOfGo = "tls-key";
constexpr int kMaxMessage = static_cast<int>(kMaxPictureBytes + kMaxEmbedTextBytes);

std::string WireName(std::string_view model) {
  return std::string(model.starts_with(kPrefix) ? model.substr(kPrefix.size()) : model);
}

class MobileClipEmbedder final : public EmbedderBase {
 public:
  using Stub = wire::EmbeddingsService::Stub;
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const wire::EmbeddingsRequest&,
                                        wire::EmbeddingsResponse*);

  MobileClipEmbedder(ClientChannel channel, std::string model, int seconds)
      : EmbedderBase(Concat("mobileclip at grpc://", channel.address)),
        authorization_(std::move(channel.authorization)),
        stub_(wire::EmbeddingsService::NewStub(channel.channel)),
        model_(std::move(model)),
        seconds_(seconds) {}

  EmbedderInputs Inputs(std::string_view model) const override {
    const bool known = !model_.empty() || model.empty() || model.starts_with(kFamily) ||
                       std::find(kModels.begin(), kModels.end(), model) != kModels.end();
    return {.text = known, .image = known};
  }

 private:
  Result<Embedding> DoText(const EmbedRequest& request) override {
    return Ask(&Stub::ComputeTextEmbeddings, request);
  }
  Result<Embedding> DoImage(const EmbedRequest& request) override {
    return Ask(&Stub::ComputeImageEmbeddings, request);
  }
  Result<Embedding> Ask(Method method, const EmbedRequest& request);

  const std::string authorization_;
  const std::unique_ptr<Stub> stub_;
  const std::string model_;
  const int seconds_;
};

Result<Embedding> MobileClipEmbedder::Ask(Method method, const EmbedRequest& request) {
  wire::EmbeddingsRequest message;
  message.set_model(WireName(model_.empty() ? request.model : model_));
  message.set_body(request.body);
  grpc::ClientContext call;
  if (!authorization_.empty()) {
    call.AddMetadata("authorization", authorization_);
  }
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds_));
  wire::EmbeddingsResponse answer;
  EDB_TRY(FromGrpc((stub_.get()->*method)(&call, message, &answer)));
  if (answer.dimensions() != 0 && answer.dimensions() != answer.embeddings_size()) {
    return InternalError(Concat("the answer's vector has ", answer.embeddings_size(),
                                " elements, its dimensions are ", answer.dimensions()));
  }
  Embedding embedding{.vector = {answer.embeddings().begin(), answer.embeddings().end()},
                      .model = answer.model()};
  if (embedding.model.empty() && !message.model().empty()) {
    embedding.model =
        Concat(message.model().find('/') == std::string::npos ? kPrefix : "", message.model());
  }
  return embedding;
}

/// The client's URI with the options that stand in the embedder's, named as our channels do.
Result<Uri> ChannelUri(const Uri& uri) {
  std::vector<std::string_view> known(kOwnOptions.begin(), kOwnOptions.end());
  known.insert(known.end(), kChannelOptions.begin(), kChannelOptions.end());
  known.push_back(kKeyOfGo);
  EDB_TRY(uri.CheckOptions(known));
  EDB_ASSIGN(const std::string text, ClientUriOption(uri, ""));
  EDB_ASSIGN(const Uri client, Uri::Parse(text));
  if (client.scheme() != "grpc") {
    return InvalidArgumentError(
        Concat("client-uri ", Quote(client.Redacted()), " is not grpc://HOST:PORT"));
  }
  auto options = client.options();
  for (const auto& option : uri.options()) {
    if (std::find(kOwnOptions.begin(), kOwnOptions.end(), option.first) == kOwnOptions.end()) {
      options.push_back(option);
    }
  }
  const bool pair_of_go = std::any_of(options.begin(), options.end(),
                                      [](const auto& option) { return option.first == kKeyOfGo; });
  EDB_ASSIGN(Uri channel, Uri::Parse(text.substr(0, text.find('?'))));
  channel.SetOption("max-msg-size", std::to_string(kMaxMessage));
  for (const auto& [name, value] : options) {
    if (name == "max-msg-size") {
      channel.SetOption(name, value);
    } else if (pair_of_go && name == "tls-certificate") {
      channel.AddOption("tls-client-certificate", value);
    } else {
      channel.AddOption(name == kKeyOfGo ? "tls-client-key" : name, value);
    }
  }
  return channel;
}

}  // namespace

Result<std::unique_ptr<Embedder>> OpenMobileClipEmbedder(const Uri& uri, const Context& context) {
  if (!uri.FilePath().empty()) {
    return InvalidArgumentError(
        "mobileclip:// has a host or a path; the server is named by client-uri, as in "
        "mobileclip://?client-uri=grpc://localhost:8080");
  }
  EDB_ASSIGN(const Uri client, ChannelUri(uri));
  EDB_ASSIGN(ClientChannel channel, OpenChannel(client, context));
  EDB_ASSIGN(const int seconds, TimeoutOption(uri));
  return std::unique_ptr<Embedder>(std::make_unique<MobileClipEmbedder>(
      std::move(channel), uri.Option("model").value_or(""), seconds));
}

}  // namespace embeddingsdb
