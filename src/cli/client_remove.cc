// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"

namespace embeddingsdb {

int RunClientRemove(const Invocation& call, Session& session) {
  Key key{.model = std::string(kDefaultModel)};
  CommandFlags flags(
      call,
      {.summary = "Removes one record. Removing an absent record is no error.",
       .synopsis = "-provider NAME -depiction-id ID [flags]",
       .examples = "  embeddingsdb-client remove -provider example -depiction-id 1527845303"});
  const ClientFlags client_flags(flags);
  AddKeyFlags(flags, key);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }

  return client_flags.Run(session, "remove record",
                          [&](Client& client) { return client.Remove(key); });
}

}  // namespace embeddingsdb
