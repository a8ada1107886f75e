// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace embeddingsdb {
namespace {

Status ExportDatabase(const std::string& uri, const std::string& path, Session& session) {
  EDB_ASSIGN(const auto database, session.registry().OpenDatabase(uri, session.context));
  EDB_TRY(database->Export(path));
  return database->Close();
}

}  // namespace

int RunExport(const Invocation& call, Session& session) {
  CommandFlags flags(
      call, {.summary = "Writes a database as the export directory of go-embeddingsdb.",
             .synopsis = "[flags] DATABASE-URI DIRECTORY",
             .examples = "  embeddingsdb export duckdb:///srv/collection /srv/collection-export"});
  const Arguments arguments{.name = "DATABASE-URI DIRECTORY", .min = 2, .max = 2};
  if (const auto exit_code = flags.Parse(session, arguments)) {
    return *exit_code;
  }
  const Status exported = ExportDatabase(flags.rest()[0], flags.rest()[1], session);
  return exported.ok() ? kExitOk : Fail(session, "export database", exported);
}

}  // namespace embeddingsdb
