// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "core/json.h"

namespace embeddingsdb {

int RunClientRecord(const Invocation& call, Session& session) {
  Key key{.model = std::string(kDefaultModel)};
  CommandFlags flags(
      call,
      {.summary = "Prints one record as a JSON object.",
       .synopsis = "-provider NAME -depiction-id ID [flags]",
       .examples = "  embeddingsdb-client record -provider example -depiction-id 1527845303"});
  const ClientFlags client_flags(flags);
  AddKeyFlags(flags, key);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }

  return client_flags.Run(session, "get record", [&](Client& client) -> Status {
    EDB_ASSIGN(const Record record, client.Get(key));
    session.io.out << RecordToJson(record) << "\n";
    return {};
  });
}

}  // namespace embeddingsdb
