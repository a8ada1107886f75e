// SPDX-License-Identifier: BSD-3-Clause
#include <vector>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"

namespace embeddingsdb {

int RunClientCount(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary = "Prints how many records there are.",
       .synopsis = "[flags]",
       .examples = "  embeddingsdb-client count\n"
                   "  embeddingsdb-client count -filter provider=example -words 'red fish*'"});
  const ClientFlags client_flags(flags);
  const FilterFlags filter_flags(flags);
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  std::vector<Filter> filters;
  if (const auto exit_code = filter_flags.Take(session, filters)) {
    return *exit_code;
  }

  return client_flags.Run(session, "count records", [&](Client& client) -> Status {
    EDB_ASSIGN(const std::int64_t count, client.Count(filters));
    session.io.out << count << "\n";
    return {};
  });
}

}  // namespace embeddingsdb
