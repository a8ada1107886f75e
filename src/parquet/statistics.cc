// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "embeddingsdb/parquet.h"

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {

namespace {

std::string Join(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) {
    if (!out.empty()) {
      out += ';';
    }
    out += value;
  }
  return out;
}

using Lists = std::map<std::string, std::vector<std::string>>;

void AppendLists(std::string& out, const Lists& lists) {
  out += '{';
  for (const auto& [name, values] : lists) {
    out += out.back() == '{' ? "" : ",";
    AppendJsonString(out, name);
    out.append(":").append(StringsToJson(values, EmptyAs::kEmpty));
  }
  out += '}';
}

}  // namespace

void ParquetStatistics::Add(const Record& record) {
  const std::string& model = record.key.model;
  const std::string& provider = record.key.provider;
  // The maps know every provider and model, so the lists are never searched: a file may have
  // thousands of providers. Models of one provider are few.
  const auto [models_of_provider, new_provider] = provider_models.try_emplace(provider);
  if (new_provider) {
    providers.push_back(provider);
  }
  std::vector<std::string>& known = models_of_provider->second;
  if (std::find(known.begin(), known.end(), model) != known.end()) {
    return;
  }
  known.push_back(model);

  const auto [providers_of_model, new_model] = model_providers.try_emplace(model);
  providers_of_model->second.push_back(provider);
  if (!new_model) {
    return;
  }
  models.push_back(model);
  model_dimensions.emplace(model, static_cast<int>(record.embedding.size()));
}

std::map<std::string, std::string> ParquetStatistics::ToMetadata() const {
  std::map<std::string, std::string> out;
  if (models.empty()) {
    return out;
  }
  out["embeddingsdb:models"] = Join(models);
  out["embeddingsdb:providers"] = Join(providers);
  for (const auto& [model, names] : model_providers) {
    out[Concat("embeddingsdb:model:", model, ":providers")] = Join(names);
  }
  for (const auto& [provider, names] : provider_models) {
    out[Concat("embeddingsdb:provider:", provider, ":models")] = Join(names);
  }
  for (const auto& [model, dimensions] : model_dimensions) {
    out[Concat("embeddingsdb:model:", model, ":dimensions")] = std::to_string(dimensions);
  }
  return out;
}

std::string ParquetStatistics::ToJson() const {
  std::string out =
      Concat("{\"models\":", StringsToJson(models, EmptyAs::kEmpty),
             ",\"providers\":", StringsToJson(providers, EmptyAs::kEmpty), ",\"model_providers\":");
  AppendLists(out, model_providers);
  out += ",\"model_dimensions\":{";
  for (const auto& [model, dimensions] : model_dimensions) {
    out += out.back() == '{' ? "" : ",";
    AppendJsonString(out, model);
    out += Concat(":", dimensions);
  }
  out += "},\"provider_models\":";
  AppendLists(out, provider_models);
  return out + "}";
}

}  // namespace embeddingsdb
