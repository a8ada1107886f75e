// SPDX-License-Identifier: BSD-3-Clause
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

void PrintClientUsage(std::ostream& out, const Invocation& call) {
  out << "Reads, writes and searches the records of a database.\n\nUsage:\n  " << call.program
      << " COMMAND [flags]\n\nCommands:\n";
  PrintCommands(out, ClientCommands());
  out << "\n"
      << call.program << " COMMAND -h explains a command and its flags.\n"
      << "\nExamples:\n  " << call.program << " models -client-uri grpc://localhost:8081\n  "
      << call.program << " list -database-uri 'sqlite://?dsn=collection.db'\n";
}

}  // namespace

// Without a command, or with an unknown one, the exit code is 1 as in go-embeddingsdb.
int RunClient(const Invocation& call, Session& session) {
  if (call.args.empty()) {
    return PrintClientUsage(session.io.err, call), kExitFailure;
  }
  const std::string& name = call.args.front();
  if (const Command* command = FindCommand(ClientCommands(), name); command != nullptr) {
    return command->run({Concat(call.program, " ", name), call.args.subspan(1)}, session);
  }
  const bool help = name == "-h" || name == "-help" || name == "--help" || name == "--h";
  if (!help) {
    session.log().Warn("Unsupported command", {{"command", name}});
  }
  PrintClientUsage(session.io.err, call);
  return help ? kExitOk : kExitFailure;
}

}  // namespace embeddingsdb
