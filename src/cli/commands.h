// SPDX-License-Identifier: BSD-3-Clause
//
// The lists of all commands. A new command is one file, one declaration here and one line in
// commands.cc.
#ifndef EMBEDDINGSDB_CLI_COMMANDS_H_
#define EMBEDDINGSDB_CLI_COMMANDS_H_

#include <span>
#include <string_view>

#include "cli/command.h"

namespace embeddingsdb {

/// The subcommands of `embeddingsdb`, those of `embeddingsdb client` and of
/// `embeddingsdb oembeddings`.
std::span<const Command> Commands();
std::span<const Command> ClientCommands();
std::span<const Command> OEmbeddingsCommands();

/// A name the executable also goes by, which stands for a command: go-embeddingsdb's tools.
struct Link {
  std::string_view name;
  std::string_view command;
};
/// All of them; tools/CMakeLists.txt makes them beside the executable.
std::span<const Link> Links();

/// The command of this name, or null.
const Command* FindCommand(std::span<const Command> commands, std::string_view name);

/// Prints a list of commands with their summaries, in columns.
void PrintCommands(std::ostream& out, std::span<const Command> commands);

int RunClient(const Invocation& call, Session& session);
int RunCompact(const Invocation& call, Session& session);
int RunCompletion(const Invocation& call, Session& session);
int RunCopy(const Invocation& call, Session& session);
int RunExport(const Invocation& call, Session& session);
int RunHelp(const Invocation& call, Session& session);
int RunInspector(const Invocation& call, Session& session);
int RunOEmbeddings(const Invocation& call, Session& session);
int RunParquetAppendStats(const Invocation& call, Session& session);
int RunParquetEmit(const Invocation& call, Session& session);
int RunParquetExport(const Invocation& call, Session& session);
int RunParquetGatherStats(const Invocation& call, Session& session);
int RunParquetImport(const Invocation& call, Session& session);
int RunParquetMerge(const Invocation& call, Session& session);
int RunParquetMetadata(const Invocation& call, Session& session);
int RunParquetSign(const Invocation& call, Session& session);
int RunParquetValidate(const Invocation& call, Session& session);
int RunParquetVerify(const Invocation& call, Session& session);
int RunReindex(const Invocation& call, Session& session);
int RunServer(const Invocation& call, Session& session);
int RunStats(const Invocation& call, Session& session);
int RunVerify(const Invocation& call, Session& session);
int RunVersion(const Invocation& call, Session& session);

int RunClientAdd(const Invocation& call, Session& session);
int RunClientCount(const Invocation& call, Session& session);
int RunClientDimensions(const Invocation& call, Session& session);
int RunClientFacets(const Invocation& call, Session& session);
int RunClientList(const Invocation& call, Session& session);
int RunClientModels(const Invocation& call, Session& session);
int RunClientProviders(const Invocation& call, Session& session);
int RunClientRecord(const Invocation& call, Session& session);
int RunClientRemove(const Invocation& call, Session& session);
int RunClientSimilar(const Invocation& call, Session& session);
int RunClientSimilarById(const Invocation& call, Session& session);

int RunOEmbeddingsSchema(const Invocation& call, Session& session);
int RunOEmbeddingsValidate(const Invocation& call, Session& session);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_COMMANDS_H_
