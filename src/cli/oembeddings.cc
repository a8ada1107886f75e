// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

void PrintGroupUsage(std::ostream& out, const Invocation& call) {
  out << "Checks OEmbeddings: what a record needs to be shown and credited by others.\n\nUsage:\n  "
      << call.program << " COMMAND [flags]\n\nCommands:\n";
  PrintCommands(out, OEmbeddingsCommands());
  out << "\n"
      << call.program << " COMMAND -h explains a command and its flags.\n"
      << "\nExamples:\n  " << call.program << " validate collection.parquet\n  " << call.program
      << " schema\n";
}

}  // namespace

int RunOEmbeddings(const Invocation& call, Session& session) {
  if (call.args.empty()) {
    return PrintGroupUsage(session.io.err, call), kExitUsage;
  }
  const std::string& name = call.args.front();
  if (const Command* command = FindCommand(OEmbeddingsCommands(), name); command != nullptr) {
    return command->run({Concat(call.program, " ", name), call.args.subspan(1)}, session);
  }
  const bool help = name == "-h" || name == "-help" || name == "--help" || name == "--h";
  if (!help) {
    session.io.err << "unknown command: " << Quote(name) << "\n\n";
  }
  PrintGroupUsage(session.io.err, call);
  return help ? kExitOk : kExitUsage;
}

}  // namespace embeddingsdb
