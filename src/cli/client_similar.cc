// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/embedder_flags.h"
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

/// What to look for: a vector, or what an embedder makes one of.
struct Example {
  std::string embeddings;
  std::string text;
  std::string image;

  void Declare(FlagSet& flags);
  Status Check(const CommandFlags& flags) const;
  bool embedded() const { return embeddings.empty(); }
  Result<std::vector<float>> Read(const EmbedderFlags& embedder_flags, const std::string& model,
                                  Session& session) const;
};

constexpr auto kExamples = std::to_array<std::string_view>({"embeddings", "text", "image"});

void Example::Declare(FlagSet& flags) {
  flags.Add("embeddings", embeddings,
            "The `file` with the vector as a JSON array of numbers, or - for standard input.");
  flags.Add(
      "text", text,
      "A `text` to find what is similar to, by -embedder-uri. -max-distance is 5 then unless\n"
      "it is given.");
  flags.Add("image", image,
            "The `file` with a picture, or - for standard input, to find what is similar to, by\n"
            "-embedder-uri.");
}

Status Example::Check(const CommandFlags& flags) const {
  const auto given = std::count_if(kExamples.begin(), kExamples.end(),
                                   [&](std::string_view name) { return flags.given(name); });
  if (given == 0) {
    return InvalidArgumentError("-embeddings is required, or -text, or -image");
  }
  if (given > 1) {
    return InvalidArgumentError("-embeddings, -text and -image exclude each other");
  }
  for (const std::string_view name : kExamples) {
    if (flags.given(name) && Concat(embeddings, text, image).empty()) {
      return InvalidArgumentError(Concat("-", name, " is empty"));
    }
  }
  return {};
}

Result<std::vector<float>> Example::Read(const EmbedderFlags& embedder_flags,
                                         const std::string& model, Session& session) const {
  if (!embedded()) {
    return ReadEmbedding(embeddings, session);
  }
  EDB_ASSIGN(const std::unique_ptr<Embedder> embedder, embedder_flags.Open(session));
  EmbedRequest request{.model = model, .body = text};
  if (!image.empty()) {
    EDB_ASSIGN(request.body, ReadPicture(image, session));
  }
  EDB_ASSIGN(Embedding answer, image.empty() ? embedder->Text(request) : embedder->Image(request));
  if (!answer.model.empty() && answer.model != model) {
    session.log().Warn("The embedder's model has another name than that of the records",
                       {{"embedder", answer.model}, {"records", model}});
  }
  return std::move(answer.vector);
}

}  // namespace

int RunClientSimilar(const Invocation& call, Session& session) {
  SimilarQuery query{.model = std::string(kDefaultModel)};
  SimilarFlags similar;
  Example example;
  CommandFlags flags(
      call,
      {.summary = "Finds the records of a model nearest to a vector, a text or a picture.",
       .synopsis = "-embeddings FILE | -text TEXT | -image FILE [flags]",
       .examples = "  embeddingsdb-client similar -embeddings vector.json -max-results 5\n"
                   "  echo '[0.1,0.2,0.3]' | embeddingsdb-client similar -embeddings - -model m\n"
                   "  embeddingsdb-client similar -text 'a red fish' -model m \\\n"
                   "    -embedder-uri 'openclip://?client-uri=http://localhost:5000'\n"
                   "  embeddingsdb-client similar -image fish.png -model m \\\n"
                   "    -embedder-uri 'openclip://?client-uri=http://localhost:5000'"});
  const ClientFlags client_flags(flags);
  similar.Declare(flags);
  const FilterFlags filter_flags(flags);
  const EmbedderFlags embedder_flags(flags);
  example.Declare(flags);
  flags.Add("model", query.model,
            "The `name` of the model that made the vector, or is to make it.");
  flags.Add("exact", query.exact,
            "Compare all vectors of the model, also where the database has a graph to search by.");
  flags.Add("exclude", query.exclude, "Leave out this `depiction id`. May be repeated.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  for (const Status& ok :
       {example.Check(flags), similar.Check(), embedder_flags.Check(example.embedded())}) {
    if (!ok.ok()) {
      return flags.UsageError(session, ok.message());
    }
  }
  if (!example.text.empty() && !flags.given("max-distance")) {
    similar.max_distance = kTextMaxDistance;
  }
  if (const auto exit_code = filter_flags.Take(session, query.filters)) {
    return *exit_code;
  }

  auto embedding = example.Read(embedder_flags, query.model, session);
  if (!embedding.ok()) {
    return Fail(session, example.embedded() ? "make embeddings" : "read embeddings",
                embedding.status());
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
