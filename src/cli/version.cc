// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace embeddingsdb {

int RunVersion(const Invocation& call, Session& session) {
  CommandFlags flags(call, {.summary = "Prints the version.", .synopsis = "[flags]"});
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  session.io.out << "embeddingsdb " << EDB_VERSION << "\n";
  return kExitOk;
}

}  // namespace embeddingsdb
