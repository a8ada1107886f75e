// SPDX-License-Identifier: BSD-3-Clause
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace embeddingsdb {

// `help client add` says what `client add -h` says, but as the result: on standard output.
int RunHelp(const Invocation& call, Session& session) {
  Session answer{.io = {.in = session.io.in, .out = session.io.out, .err = session.io.out},
                 .context = session.context};
  std::vector<std::string> args(call.args.begin(), call.args.end());
  args.emplace_back("-h");
  return RunCli("embeddingsdb", args, answer);
}

}  // namespace embeddingsdb
