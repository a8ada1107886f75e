// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/local_database.h"
#include "cli/stats_output.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

Result<DatabaseStats> StatsOf(const LocalDatabase& local, Session& session) {
  EDB_ASSIGN(const auto database, local.OpenToLook(session));
  EDB_ASSIGN(DatabaseStats stats, database->Stats());
  EDB_TRY(database->Close());
  return stats;
}

}  // namespace

int RunStats(const Invocation& call, Session& session) {
  CommandFlags flags(
      call, {.summary = "Prints what is in a database and what it takes.",
             .synopsis = "[flags] DATABASE-URI",
             .examples = "  embeddingsdb stats 'sqlite://?dsn=collection.db'\n"
                         "  embeddingsdb stats -format json 'sqlite://?dsn=collection.db'",
             .notes = "Opens the database for reading only, beside a process that writes it where\n"
                      "the engine allows that, and neither loads nor builds an index. There is no\n"
                      "way to ask a server."});
  std::string format = "table";
  AddFormatFlag(flags, format);
  LocalDatabase local(flags);
  if (const auto exit_code = local.Parse(session)) {
    return *exit_code;
  }
  if (const Status ok = CheckFormat(format); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  const Result<DatabaseStats> stats = StatsOf(local, session);
  if (!stats.ok()) {
    return Fail(session, "look at the database", stats.status());
  }
  if (format == "json") {
    session.io.out << StatsToJson(*stats) << "\n";
  } else {
    PrintStats(session.io.out, *stats);
  }
  return kExitOk;
}

}  // namespace embeddingsdb
