// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/local_database.h"
#include "core/json.h"

namespace embeddingsdb {
namespace {

Result<VerifyReport> VerifyDatabase(const LocalDatabase& local, Session& session) {
  EDB_ASSIGN(const auto database, local.Open(session));
  EDB_ASSIGN(VerifyReport report, database->Verify());
  EDB_TRY(database->Close());
  return report;
}

}  // namespace

int RunVerify(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary = "Reads a whole database and checks it.",
       .synopsis = "[flags] DATABASE-URI",
       .examples = "  embeddingsdb verify 'sqlite://?dsn=collection.db'",
       .notes = "Prints a JSON object with the number of records and a list of problems. The exit\n"
                "code is 5 when there are any."});
  LocalDatabase local(flags);
  if (const auto exit_code = local.Parse(session)) {
    return *exit_code;
  }
  const Result<VerifyReport> report = VerifyDatabase(local, session);
  if (!report.ok()) {
    return Fail(session, "verify database", report.status());
  }
  session.io.out << "{\"records\":" << report->records
                 << ",\"problems\":" << StringsToJson(report->problems, EmptyAs::kEmpty) << "}\n";
  return report->problems.empty() ? kExitOk : kExitDataLoss;
}

}  // namespace embeddingsdb
