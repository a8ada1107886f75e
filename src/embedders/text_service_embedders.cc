// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/text_service_embedders.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/text.h"
#include "embedders/embedder_answer.h"
#include "embedders/embedder_base.h"
#include "embedders/http_service.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kOllamaPrefix = "ollama/";

constexpr auto kOllamaVectors = std::to_array<std::string_view>({"embeddings[][]", "embedding[]"});
constexpr auto kEncoderfileVectors =
    std::to_array<std::string_view>({"results[].embeddings[].embedding[]"});
constexpr auto kOpenAiVectors = std::to_array<std::string_view>({"data[].embedding[]"});

class TextServiceEmbedder : public EmbedderBase {
 public:
  TextServiceEmbedder(std::unique_ptr<HttpService> service, const Uri& uri)
      : EmbedderBase(service->name()),
        service_(std::move(service)),
        model_(uri.Option("model").value_or("")) {}

  EmbedderInputs Inputs(std::string_view /*model*/) const override { return {.text = true}; }

 protected:
  const HttpService& service() const { return *service_; }
  const std::string& model() const { return model_; }  ///< of the URI; may be empty
  Result<std::string> ModelFor(std::string_view asked) const {
    if (model_.empty() && asked.empty()) {
      return InvalidArgumentError("no model: name one, or give the URI option model");
    }
    return model_.empty() ? std::string(asked) : model_;
  }

 private:
  Result<Embedding> DoImage(const EmbedRequest& /*request*/) final {
    return UnimplementedError("it takes no pictures");
  }

  const std::unique_ptr<HttpService> service_;
  const std::string model_;
};

class OllamaEmbedder final : public TextServiceEmbedder {
 public:
  using TextServiceEmbedder::TextServiceEmbedder;

  EmbedderInputs Inputs(std::string_view asked) const override {
    const bool other = !model().empty() && asked.starts_with(kOllamaPrefix) &&
                       asked.substr(kOllamaPrefix.size()) != model();
    return {.text = !other};
  }

 private:
  Result<Embedding> DoText(const EmbedRequest& request) override {
    std::string_view asked = request.model;
    if (asked.starts_with(kOllamaPrefix)) {
      asked.remove_prefix(kOllamaPrefix.size());
    }
    EDB_ASSIGN(const std::string model, ModelFor(asked));
    std::string json = "{\"model\":";
    AppendJsonString(json, model);
    json += ",\"input\":";
    AppendJsonString(json, request.body);
    EDB_ASSIGN(EmbedderAnswer answer,
               service().Ask("/api/embed", json + "}", {.vectors = kOllamaVectors}));
    return Embedding{.vector = std::move(answer.vectors.front()),
                     .model = Concat(kOllamaPrefix, model)};
  }
};

class OpenAiEmbedder final : public TextServiceEmbedder {
 public:
  using TextServiceEmbedder::TextServiceEmbedder;

 private:
  Result<Embedding> DoText(const EmbedRequest& request) override {
    EDB_ASSIGN(const std::string model, ModelFor(request.model));
    std::string json = "{\"model\":";
    AppendJsonString(json, model);
    json += ",\"input\":";
    AppendJsonString(json, request.body);
    const std::string_view path = service().at_root() ? "/v1/embeddings" : "/embeddings";
    EDB_ASSIGN(EmbedderAnswer answer, service().Ask(path, json + ",\"encoding_format\":\"float\"}",
                                                    {.vectors = kOpenAiVectors}));
    return Embedding{.vector = std::move(answer.vectors.front()),
                     .model = answer.model.empty() ? model : answer.model};
  }
};

/// The mean of vectors of one length, made one long.
Result<std::vector<float>> PoolTokens(const std::vector<std::vector<float>>& tokens) {
  std::vector<double> sum(tokens.front().size());
  for (const std::vector<float>& token : tokens) {
    if (token.size() != sum.size()) {
      return InternalError(
          Concat("the answer has vectors of ", sum.size(), " and of ", token.size(), " elements"));
    }
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += static_cast<double>(token[i]);
    }
  }
  double squares = 0;
  for (const double element : sum) {
    squares += element * element;
  }
  if (squares == 0) {
    return InternalError("the mean of the answer's vectors is zero");
  }
  const double length = std::sqrt(squares);
  std::vector<float> pooled;
  pooled.reserve(sum.size());
  for (const double element : sum) {
    pooled.push_back(static_cast<float>(element / length));
  }
  return pooled;
}

class EncoderfileEmbedder final : public TextServiceEmbedder {
 public:
  using TextServiceEmbedder::TextServiceEmbedder;

 private:
  Result<Embedding> DoText(const EmbedRequest& request) override {
    std::string json = "{\"inputs\":[";
    AppendJsonString(json, request.body);
    EDB_ASSIGN(const EmbedderAnswer answer,
               service().Ask("/predict", json + "],\"normalize\":true}",
                             {.vectors = kEncoderfileVectors, .model = "model_id", .many = true}));
    EDB_ASSIGN(std::vector<float> vector, PoolTokens(answer.vectors));
    return Embedding{.vector = std::move(vector),
                     .model = answer.model.empty() ? request.model : answer.model};
  }
};

template <typename Kind>
Result<std::unique_ptr<Embedder>> Open(const Uri& uri, const Context& context,
                                       const HttpServiceKind& kind) {
  EDB_ASSIGN(auto service, HttpService::Open(uri, context, kind));
  return std::unique_ptr<Embedder>(std::make_unique<Kind>(std::move(service), uri));
}

}  // namespace

Result<std::unique_ptr<Embedder>> OpenOllamaEmbedder(const Uri& uri, const Context& context) {
  return Open<OllamaEmbedder>(
      uri, context, {.name = "ollama", .default_uri = "http://localhost:11434", .has_model = true});
}

Result<std::unique_ptr<Embedder>> OpenEncoderfileEmbedder(const Uri& uri, const Context& context) {
  return Open<EncoderfileEmbedder>(uri, context,
                                   {.name = "encoderfile", .default_uri = "http://localhost:8080"});
}

Result<std::unique_ptr<Embedder>> OpenOpenAiEmbedder(const Uri& uri, const Context& context) {
  return Open<OpenAiEmbedder>(uri, context,
                              {.name = "openai", .default_uri = "", .has_model = true});
}

}  // namespace embeddingsdb
