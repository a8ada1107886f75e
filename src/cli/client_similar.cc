// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/similar_output.h"
#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

Result<std::vector<float>> ReadEmbedding(const std::string& path, Session& session) {
  EDB_ASSIGN(const std::string text, ReadInput(path, kMaxJsonBytes, session));
  Result<std::vector<float>> embedding = FloatsFromJson(text);
  if (!embedding.ok()) {
    return embedding.status().WithContext(Quote(path));
  }
  return embedding;
}

}  // namespace

int RunClientSimilar(const Invocation& call, Session& session) {
  SimilarQuery query{.model = std::string(kDefaultModel)};
  SimilarFlags similar;
  std::string path;
  CommandFlags flags(
      call,
      {.summary = "Finds the records of a model nearest to a vector.",
       .synopsis = "-embeddings FILE -model NAME [flags]",
       .examples = "  embeddingsdb-client similar -embeddings vector.json -max-results 5\n"
                   "  echo '[0.1,0.2,0.3]' | embeddingsdb-client similar -embeddings - -model m"});
  const ClientFlags client_flags(flags);
  similar.Declare(flags);
  const FilterFlags filter_flags(flags);
  flags.Add("embeddings", path,
            "The `file` with the vector as a JSON array of numbers, or - for standard input.");
  flags.Add("model", query.model, "The `name` of the model that made the vector.");
  flags.Add("exact", query.exact,
            "Compare all vectors of the model, also where the database has a graph to search by.");
  flags.Add("exclude", query.exclude, "Leave out this `depiction id`. May be repeated.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  if (path.empty()) {
    return flags.UsageError(session, "-embeddings is required");
  }
  if (const Status ok = similar.Check(); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  if (const auto exit_code = filter_flags.Take(session, query.filters)) {
    return *exit_code;
  }

  auto embedding = ReadEmbedding(path, session);
  if (!embedding.ok()) {
    return Fail(session, "read embeddings", embedding.status());
  }
  query.embedding = *std::move(embedding);
  query.provider = similar.ProviderOption();
  query.group_by = similar.GroupByOption();
  return client_flags.Run(session, "find similar records", [&](Client& client) {
    const auto search = [&](std::optional<int> k, std::optional<float> max_distance) {
      query.k = k;
      query.max_distance = max_distance;
      return client.Similar(query);
    };
    return PrintSimilar(similar, search, session);
  });
}

}  // namespace embeddingsdb
