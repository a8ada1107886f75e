// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "core/json.h"

namespace embeddingsdb {

int RunClientDimensions(const Invocation& call, Session& session) {
  CommandFlags flags(call, {.summary = "Prints the lengths of the stored vectors as a JSON array.",
                            .synopsis = "[flags]",
                            .examples = "  embeddingsdb-client dimensions"});
  const ClientFlags client_flags(flags);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }

  return client_flags.Run(session, "get dimensions", [&](Client& client) -> Status {
    EDB_ASSIGN(const std::vector<int> dimensions, client.Dimensions());
    session.io.out << IntsToJson(dimensions) << "\n";
    return {};
  });
}

}  // namespace embeddingsdb
