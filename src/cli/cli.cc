// SPDX-License-Identifier: BSD-3-Clause
#include "cli/cli.h"

#include <cerrno>

#include "embeddingsdb/uri.h"

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/supervisor.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

void PrintMainUsage(std::ostream& out) {
  out << "Stores, indexes and queries embedding records.\n\nUsage:\n  embeddingsdb COMMAND "
         "[flags]\n"
         "\nCommands:\n";
  PrintCommands(out, Commands());
  out << "\nembeddingsdb COMMAND -h explains a command and its flags.\n"
         "\nExamples:\n"
         "  embeddingsdb server -database-uri 'sqlite://?dsn=collection.db'\n"
         "  embeddingsdb parquet-import -client-uri grpc://localhost:8081 collection.parquet\n"
         "  embeddingsdb client models -client-uri grpc://localhost:8081\n"
         "\nExit codes: 0 success, 1 failure, 2 wrong usage, 3 not found, 4 server unavailable,\n"
         "5 damaged data, 6 refused, 7 limit exceeded.\n";
}

int UnknownCommand(std::string_view name, Session& session) {
  std::vector<std::string_view> known;
  for (const Command& command : Commands()) {
    known.push_back(command.name);
  }
  session.io.err << "unknown command: " << Quote(name);
  if (const std::string_view nearest = NearestName(name, known); !nearest.empty()) {
    session.io.err << " (did you mean " << nearest << "?)";
  }
  session.io.err << "\n\n";
  PrintMainUsage(session.io.err);
  return kExitUsage;
}

int RunCommand(const Command& command, const Invocation& call, Session& session) {
  const auto run = [&] { return command.run(call, session); };
  if (!session.supervise || command.supervision == Supervision::kNone) {
    return run();
  }
  return Supervise(LimitsOf(command.supervision, call.args), session.log(), run);
}

int RunMain(std::span<const std::string> args, Session& session) {
  if (args.empty()) {
    return PrintMainUsage(session.io.err), kExitUsage;
  }
  std::string_view name = args.front();
  if (name == "-h" || name == "--h" || name == "-help" || name == "--help") {
    return PrintMainUsage(session.io.err), kExitOk;
  }
  if (name == "-version" || name == "--version") {
    name = "version";
  }
  const Command* command = FindCommand(Commands(), name);
  if (command == nullptr) {
    return UnknownCommand(name, session);
  }
  return RunCommand(*command, {Concat("embeddingsdb ", name), args.subspan(1)}, session);
}

int RunProgram(std::string_view program, std::span<const std::string> args, Session& session) {
  const std::string_view base = program.substr(program.rfind('/') + 1);
  for (const Link& link : Links()) {
    if (base != link.name) {
      continue;
    }
    return RunCommand(*FindCommand(Commands(), link.command), {std::string(base), args}, session);
  }
  return RunMain(args, session);
}

}  // namespace

int RunCli(std::string_view program, std::span<const std::string> args, Session& session) {
  const int exit_code = RunProgram(program, args, session);
  errno = 0;
  if (session.io.out.flush() || exit_code != kExitOk) {
    return exit_code;
  }
  // A reader that left, as `head` does, needs no message.
  if (errno != EPIPE) {
    session.log().Error("Failed to write to standard output");
  }
  return kExitFailure;
}

}  // namespace embeddingsdb
