// SPDX-License-Identifier: BSD-3-Clause
#include "cli/fact_flags.h"

#include "core/text.h"
#include "parquet/embeddings_document.h"

namespace embeddingsdb {
namespace {

Status Put(std::string_view flag, const KeyValues& values, std::string ParquetModelFacts::* field,
           ParquetFacts& facts) {
  for (const auto& [model, value] : values) {
    std::string& there = facts.models[model].*field;
    if (value.empty() || !there.empty()) {
      return InvalidArgumentError(Concat("-", flag, " names the model ", Quote(model),
                                         value.empty() ? " without a value" : " twice"));
    }
    there = value;
  }
  return Status();
}

}  // namespace

FactFlags::FactFlags(CommandFlags& flags) : flags_(flags) {
  flags.Add(
      "licence", licence_,
      "The licence of the records, an SPDX `name` such as CC0-1.0 or a URL, to be noted in the\n"
      "file.");
  flags.Add(
      "model-digest", digests_,
      "Which files a model is made of: `MODEL=DIGEST`, for example m=sha256:9f86d0... May be\n"
      "repeated for other models.");
  flags.Add(
      "model-metric", metrics_,
      "What a model's vectors are compared by: `MODEL=METRIC`, which is l2, cosine or ip. May\n"
      "be repeated for other models.");
}

std::optional<int> FactFlags::Take(Session& session, ParquetFacts& facts) const {
  Result<ParquetFacts> parsed = Parse();
  if (!parsed.ok()) {
    return flags_.UsageError(session, parsed.status().message());
  }
  facts = *std::move(parsed);
  return std::nullopt;
}

Result<ParquetFacts> FactFlags::Parse() const {
  ParquetFacts facts;
  facts.licence = licence_;
  EDB_TRY(Put("model-digest", digests_, &ParquetModelFacts::digest, facts));
  EDB_TRY(Put("model-metric", metrics_, &ParquetModelFacts::metric, facts));
  EDB_TRY(CheckFacts(facts));
  return facts;
}

}  // namespace embeddingsdb
