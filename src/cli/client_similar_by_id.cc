// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/similar_output.h"

namespace embeddingsdb {

int RunClientSimilarById(const Invocation& call, Session& session) {
  SimilarByIdQuery query{.key = {.model = std::string(kDefaultModel)}};
  SimilarFlags similar;
  CommandFlags flags(
      call,
      {.summary = "Finds the records nearest to a record, which itself is left out.",
       .synopsis = "-provider NAME -depiction-id ID [flags]",
       .examples =
           "  embeddingsdb-client similar-by-id -provider example -depiction-id 1527845303\n"
           "  embeddingsdb-client similar-by-id -provider example -depiction-id 1527845303 \\\n"
           "    -similar-provider other -max-results 5 -format table\n"
           "  embeddingsdb-client similar-by-id -provider example -depiction-id 1527845303 \\\n"
           "    -words 'city map*' -group-by subject"});
  const ClientFlags client_flags(flags);
  similar.Declare(flags);
  const FilterFlags filter_flags(flags);
  AddKeyFlags(flags, query.key);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  if (const Status ok = similar.Check(); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  if (const auto exit_code = filter_flags.Take(session, query.filters)) {
    return *exit_code;
  }

  query.provider = similar.ProviderOption();
  query.group_by = similar.GroupByOption();
  return client_flags.Run(session, "find similar records", [&](Client& client) {
    const auto search = [&](std::optional<int> k, std::optional<float> max_distance) {
      query.k = k;
      query.max_distance = max_distance;
      return client.SimilarById(query);
    };
    return PrintSimilar(similar, search, session);
  });
}

}  // namespace embeddingsdb
