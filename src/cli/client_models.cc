// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "core/json.h"

namespace embeddingsdb {

int RunClientModels(const Invocation& call, Session& session) {
  std::vector<std::string> providers;
  CommandFlags flags(call, {.summary = "Prints the names of the models as a JSON array.",
                            .synopsis = "[flags]",
                            .examples = "  embeddingsdb-client models\n"
                                        "  embeddingsdb-client models -provider example"});
  const ClientFlags client_flags(flags);
  flags.Add("provider", providers, "Only models of this `provider`. May be repeated.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }

  return client_flags.Run(session, "get models", [&](Client& client) -> Status {
    EDB_ASSIGN(const std::vector<std::string> models, client.Models(providers));
    session.io.out << StringsToJson(models) << "\n";
    return {};
  });
}

}  // namespace embeddingsdb
