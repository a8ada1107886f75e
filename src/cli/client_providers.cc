// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "core/json.h"

namespace embeddingsdb {

int RunClientProviders(const Invocation& call, Session& session) {
  std::vector<std::string> models;
  CommandFlags flags(call,
                     {.summary = "Prints the names of the providers as a JSON array.",
                      .synopsis = "[flags]",
                      .examples = "  embeddingsdb-client providers\n"
                                  "  embeddingsdb-client providers -model apple/mobileclip_s0"});
  const ClientFlags client_flags(flags);
  flags.Add("model", models, "Only providers with records of this `model`. May be repeated.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }

  return client_flags.Run(session, "get providers", [&](Client& client) -> Status {
    EDB_ASSIGN(const std::vector<std::string> providers, client.Providers(models));
    session.io.out << StringsToJson(providers) << "\n";
    return {};
  });
}

}  // namespace embeddingsdb
