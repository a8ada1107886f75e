// SPDX-License-Identifier: BSD-3-Clause
//
// OEmbeddings documents: the verdict does not depend on who asks, and what is valid stays so, with
// the same fields, when it is written as JSON or as attributes.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "embeddingsdb/oembeddings.h"

#include "core/json.h"
#include "fuzz/fuzz.h"

namespace embeddingsdb::fuzz {
namespace {

// Values are cut in messages, names are ours.
constexpr std::size_t kMaxMessageBytes = 2'048;

void RequireSentences(const OEmbeddingsReport& report) {
  for (const OEmbeddingsProblem& problem : report.problems) {
    Require(problem.message.size() <= kMaxMessageBytes, "a message is short", problem.message);
    Require(nlohmann::json::accept(ToJson(problem)), "a problem as JSON is JSON", problem.message);
  }
}

/// What is said of a document that was written by us.
OEmbeddingsReport Rewrite(const OEmbeddings& fields, const OEmbeddingsOptions& options) {
  const std::string json = OEmbeddingsToJson(fields);
  Result<OEmbeddings> again = OEmbeddingsFromJson(json, options);
  if (kCanary && again.ok()) {
    again->subject_title += '!';
  }
  Require(again.ok() && *again == fields, "a document that was written has its fields", json);
  return ValidateOEmbeddings(json, options);
}

void CheckText(std::string_view text, const OEmbeddingsOptions& options) {
  const OEmbeddingsReport report = ValidateOEmbeddings(text, options);
  RequireSentences(report);
  const Result<OEmbeddings> fields = OEmbeddingsFromJson(text, options);
  Require(fields.ok() == report.valid(), "validating and reading agree", text);
  if (!fields.ok()) {
    return;
  }
  const OEmbeddingsReport rewritten = Rewrite(*fields, options);
  Require(rewritten.valid(), "what is valid stays valid", text);
  const OEmbeddingsReport attributes = ValidateOEmbeddings(ToAttributes(*fields), options);
  Require(attributes.problems == rewritten.problems && attributes.presence == rewritten.presence,
          "JSON and attributes are judged alike", text);
}

void CheckAttributes(const Attributes& attributes, const OEmbeddingsOptions& options) {
  const OEmbeddingsReport report = ValidateOEmbeddings(attributes, options);
  RequireSentences(report);
  const Result<OEmbeddings> fields = OEmbeddingsFromAttributes(attributes, options);
  Require(fields.ok() == report.valid(), "validating and reading attributes agree");
  if (fields.ok()) {
    Require(Rewrite(*fields, options).valid(), "valid attributes are a valid document");
  }
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace edb = embeddingsdb;
  const std::string_view text = edb::fuzz::Text(data, size);
  const auto attributes = edb::AttributesFromJson(text);
  for (const auto format :
       {edb::UriFormat::kIgnore, edb::UriFormat::kWarn, edb::UriFormat::kError}) {
    edb::fuzz::CheckText(text, {.uri_format = format});
    if (attributes.ok()) {
      edb::fuzz::CheckAttributes(*attributes, {.uri_format = format});
    }
  }
  return 0;
}
