// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/embeddings_document.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "embeddingsdb/index.h"
#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "parquet/parquet_format.h"

namespace embeddingsdb {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kMajorVersion = "1.";
constexpr std::size_t kMinDigits = 16;

void AppendField(std::string& out, std::string_view name, const std::string& value) {
  if (!value.empty()) {
    out += Concat(",\"", name, "\":");
    AppendJsonString(out, value);
  }
}

void AppendModel(std::string& out, const DocumentModel& model) {
  out += "{\"name\":";
  AppendJsonString(out, model.name);
  AppendField(out, "digest", model.digest);
  out += Concat(",\"dimensions\":", model.dimensions);
  AppendField(out, "metric", model.metric);
  if (model.normalised) {
    out += *model.normalised ? ",\"normalised\":true" : ",\"normalised\":false";
  }
  if (model.records) {
    out += Concat(",\"records\":", *model.records);
  }
  out += '}';
}

Status WrongField(std::string_view where, std::string_view name, std::string_view wanted) {
  return InvalidArgumentError(Concat(where, name, " is not ", wanted));
}

/// Fields that are not there stay as they are.
Status TakeText(const Json& object, std::string_view where, const char* name, std::string& value) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return Status();
  }
  const auto* text = found->get_ptr<const std::string*>();
  if (text == nullptr) {
    return WrongField(where, name, "a string");
  }
  value = *text;
  return Status();
}

Status TakeInteger(const Json& object, std::string_view where, const char* name,
                   std::optional<std::int64_t>& value) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return Status();
  }
  // The parser has two kinds of integers, and would make a negative number of a large one.
  const auto* large = found->get_ptr<const Json::number_unsigned_t*>();
  if (!found->is_number_integer() || (large != nullptr && !std::in_range<std::int64_t>(*large))) {
    return WrongField(where, name, "an integer of 64 bits");
  }
  value = found->get<std::int64_t>();
  return Status();
}

Result<DocumentModel> ModelFromJson(const Json& json, std::string_view where) {
  if (!json.is_object()) {
    return InvalidArgumentError(Concat(where, " is not an object"));
  }
  const std::string field = Concat(where, ".");
  DocumentModel model;
  EDB_TRY(TakeText(json, field, "name", model.name));
  EDB_TRY(TakeText(json, field, "digest", model.digest));
  EDB_TRY(TakeText(json, field, "metric", model.metric));
  std::optional<std::int64_t> dimensions;
  EDB_TRY(TakeInteger(json, field, "dimensions", dimensions));
  EDB_TRY(TakeInteger(json, field, "records", model.records));
  if (model.name.empty() || !dimensions) {
    return InvalidArgumentError(
        Concat(where, " has no ", model.name.empty() ? "name" : "dimensions"));
  }
  model.dimensions = *dimensions;
  if (const auto found = json.find("normalised"); found != json.end()) {
    const auto* value = found->get_ptr<const Json::boolean_t*>();
    if (value == nullptr) {
      return WrongField(field, "normalised", "true or false");
    }
    model.normalised = *value;
  }
  return model;
}

/// The array under `name`, or an empty one.
Result<std::span<const Json>> TakeArray(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return std::span<const Json>();
  }
  const auto* array = found->get_ptr<const Json::array_t*>();
  if (array == nullptr) {
    return WrongField("", name, "an array");
  }
  return std::span<const Json>(*array);
}

/// Sums of squares of floats in double are exact enough whichever way the compiler goes, and eight
/// of them side by side take a twentieth of the time that writing the record takes.
bool IsNormalised(std::span<const float> vector) {
  constexpr double kLow = (1 - kNormalisedTolerance) * (1 - kNormalisedTolerance);
  constexpr double kHigh = (1 + kNormalisedTolerance) * (1 + kNormalisedTolerance);
  std::array<double, 8> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= vector.size(); i += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) {
      const auto value = static_cast<double>(vector[i + lane]);
      sums[lane] += value * value;
    }
  }
  for (; i < vector.size(); ++i) {
    const auto value = static_cast<double>(vector[i]);
    sums[0] += value * value;
  }
  double sum = 0;
  for (const double part : sums) {
    sum += part;
  }
  return sum >= kLow && sum <= kHigh;
}

Status CheckDigest(const std::string& model, std::string_view digest) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const auto is_letter = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
  const std::string field = Concat("the digest ", Quote(digest), " of model ", Quote(model));
  if (digest.size() > kMaxDigestBytes) {
    return InvalidArgumentError(
        Concat(field, " is ", digest.size(), " bytes long, the limit is ", kMaxDigestBytes));
  }
  const std::size_t colon = std::min(digest.find(':'), digest.size());
  const std::string_view algorithm = digest.substr(0, colon);
  const std::string_view digits = digest.substr(std::min(colon + 1, digest.size()));
  if (algorithm.empty() || !std::ranges::all_of(algorithm, is_letter) ||
      digits.size() < kMinDigits || !std::ranges::all_of(digits, is_digit)) {
    return InvalidArgumentError(Concat(field,
                                       " is not like sha256:9f86d0..., an algorithm and at least ",
                                       kMinDigits, " hexadecimal digits in lower case"));
  }
  return Status();
}

}  // namespace

bool IsDerivedMetadata(std::string_view key) {
  return key == kDocumentKey || key == "embeddingsdb:models" || key == "embeddingsdb:providers" ||
         key.starts_with("embeddingsdb:model:") || key.starts_with("embeddingsdb:provider:");
}

std::string EmbeddingsDocument::ToJson() const {
  std::string out = "{\"version\":";
  AppendJsonString(out, version);
  out += ",\"column\":\"embeddings\",\"models\":[";
  for (const DocumentModel& model : models) {
    out += out.back() == '[' ? "" : ",";
    AppendModel(out, model);
  }
  out += Concat("],\"providers\":", StringsToJson(providers, EmptyAs::kEmpty));
  AppendField(out, "licence", licence);
  AppendField(out, "created_by", created_by);
  return out + "}";
}

Result<EmbeddingsDocument> EmbeddingsDocument::FromJson(std::string_view json) {
  if (json.size() > kMaxDocumentBytes) {
    return ResourceExhaustedError(
        Concat("it is ", json.size(), " bytes long, the limit is ", kMaxDocumentBytes));
  }
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return InvalidArgumentError("it is not a JSON object");
  }
  EmbeddingsDocument document;
  document.version.clear();
  EDB_TRY(TakeText(parsed, "", "version", document.version));
  if (document.version.empty()) {
    return InvalidArgumentError("it has no version");
  }
  if (!document.version.starts_with(kMajorVersion)) {
    return UnimplementedError(
        Concat("its version is ", Quote(document.version), ", known is ", kMajorVersion, "x"));
  }
  EDB_TRY(TakeText(parsed, "", "licence", document.licence));
  EDB_TRY(TakeText(parsed, "", "created_by", document.created_by));
  EDB_ASSIGN(const std::span<const Json> models, TakeArray(parsed, "models"));
  for (const Json& model : models) {
    EDB_ASSIGN(DocumentModel one,
               ModelFromJson(model, Concat("models[", document.models.size(), "]")));
    document.models.push_back(std::move(one));
  }
  EDB_ASSIGN(const std::span<const Json> providers, TakeArray(parsed, "providers"));
  for (const Json& provider : providers) {
    const auto* name = provider.get_ptr<const std::string*>();
    if (name == nullptr) {
      return WrongField("", Concat("providers[", document.providers.size(), "]"), "a string");
    }
    document.providers.push_back(*name);
  }
  return document;
}

ParquetFacts EmbeddingsDocument::Facts() const {
  ParquetFacts facts{.licence = licence, .models = {}};
  for (const DocumentModel& model : models) {
    if (!model.digest.empty() || !model.metric.empty()) {
      facts.models[model.name] = {.digest = model.digest, .metric = model.metric};
    }
  }
  return facts;
}

void DocumentBuilder::Add(const Record& record) {
  // Records of one model come one after the other more often than not.
  if (last_ == models_.end() || last_->first != record.key.model) {
    last_ = models_.try_emplace(record.key.model).first;
  }
  Model& model = last_->second;
  ++model.records;
  model.normalised = model.normalised && IsNormalised(record.embedding);
}

Result<EmbeddingsDocument> DocumentBuilder::Build(const ParquetStatistics& statistics,
                                                  const ParquetFacts& facts) const {
  for (const auto& [name, model] : facts.models) {
    if (!models_.contains(name)) {
      return InvalidArgumentError(
          Concat("there are facts about the model ", Quote(name), ", but no record of it"));
    }
  }
  EmbeddingsDocument document;
  for (const std::string& name : statistics.models) {
    DocumentModel model{.name = name};
    model.dimensions = statistics.model_dimensions.at(name);
    if (const auto counted = models_.find(name); counted != models_.end()) {
      model.normalised = counted->second.normalised;
      model.records = counted->second.records;
    }
    if (const auto told = facts.models.find(name); told != facts.models.end()) {
      model.digest = told->second.digest;
      model.metric = told->second.metric;
    }
    document.models.push_back(std::move(model));
  }
  document.providers = statistics.providers;
  document.licence = facts.licence;
  document.created_by = CreatedBy();
  return document;
}

Status CheckFacts(const ParquetFacts& facts) {
  EDB_TRY(ValidateName("licence", facts.licence, kMaxLicenceBytes, /*may_be_empty=*/true));
  for (const auto& [name, model] : facts.models) {
    if (!model.digest.empty()) {
      EDB_TRY(CheckDigest(name, model.digest));
    }
    if (!model.metric.empty()) {
      if (const auto metric = ParseMetric(model.metric); !metric.ok()) {
        return metric.status().WithContext(Concat("model ", Quote(name)));
      }
    }
  }
  return Status();
}

Status FactsMerger::Agree(Said& said, std::string_view what, const std::string& value,
                          const std::string& name) {
  if (said.name.empty()) {
    said = {.value = value, .name = name};
    return Status();
  }
  if (said.value == value) {
    return Status();
  }
  said.by_all = false;
  if (said.value.empty()) {
    said.value = value;
    said.name = name;
    return Status();
  }
  if (value.empty()) {
    return Status();
  }
  return InvalidArgumentError(
      Concat(what, " ", Quote(said.value), " in ", said.name, " and ", Quote(value), " in ", name));
}

Status FactsMerger::Add(const EmbeddingsDocument* document, const std::vector<std::string>& models,
                        const std::string& name) {
  if (models.empty()) {
    return Status();
  }
  const ParquetFacts facts = document == nullptr ? ParquetFacts() : document->Facts();
  for (const std::string& model : models) {
    const auto found = facts.models.find(model);
    const ParquetModelFacts told =
        found == facts.models.end() ? ParquetModelFacts() : found->second;
    const auto asked = wanted_.models.find(model);
    ModelSaid& said = models_[model];
    Status digest =
        Agree(said.digest, Concat("model ", Quote(model), " has the digest"), told.digest, name);
    Status metric =
        Agree(said.metric, Concat("model ", Quote(model), " has the metric"), told.metric, name);
    const bool digest_wanted = asked != wanted_.models.end() && !asked->second.digest.empty();
    const bool metric_wanted = asked != wanted_.models.end() && !asked->second.metric.empty();
    if (!digest.ok() && !digest_wanted) {
      return digest;
    }
    if (!metric.ok() && !metric_wanted) {
      return metric;
    }
  }
  // Two licences are no error: the merged file then has none until somebody says which.
  Agree(licence_, "licence", facts.licence, name).IgnoreError("by_all says it");
  return Status();
}

ParquetFacts FactsMerger::Finish(const std::vector<std::string>& kept) const {
  const auto agreed = [](const Said& said) { return said.by_all ? said.value : std::string(); };
  ParquetFacts facts = wanted_;
  if (facts.licence.empty()) {
    facts.licence = agreed(licence_);
  }
  for (const std::string& model : kept) {
    const auto said = models_.find(model);
    if (said == models_.end()) {
      continue;
    }
    ParquetModelFacts& told = facts.models[model];
    if (told.digest.empty()) {
      told.digest = agreed(said->second.digest);
    }
    if (told.metric.empty()) {
      told.metric = agreed(said->second.metric);
    }
  }
  return facts;
}

}  // namespace embeddingsdb
