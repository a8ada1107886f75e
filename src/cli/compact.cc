// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/local_database.h"
#include "cli/stats_output.h"

namespace embeddingsdb {
namespace {

Result<CompactReport> Compact(const LocalDatabase& local, Session& session) {
  EDB_ASSIGN(const auto database, local.Open(session));
  EDB_ASSIGN(CompactReport report, database->Compact());
  EDB_TRY(database->Close());
  return report;
}

}  // namespace

int RunCompact(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary = "Gives the room of removed and replaced records back to the disk.",
       .synopsis = "[flags] DATABASE-URI",
       .examples = "  embeddingsdb compact 'sqlite://?dsn=collection.db'",
       .notes =
           "Prints a JSON object with the bytes of the files before and after. The database\n"
           "must not be open in another process. The disk needs room for a second copy of the\n"
           "records, with sqlite:// for two. Interrupted at any moment, it leaves the old\n"
           "files or the new ones, whole."});
  LocalDatabase local(flags);
  if (const auto exit_code = local.Parse(session)) {
    return *exit_code;
  }
  const Result<CompactReport> report = Compact(local, session);
  if (!report.ok()) {
    return Fail(session, "compact database", report.status());
  }
  session.io.err << FormatBytes(report->before.total()) << " before, "
                 << FormatBytes(report->after.total()) << " after\n";
  session.io.out << CompactReportToJson(*report) << "\n";
  return kExitOk;
}

}  // namespace embeddingsdb
