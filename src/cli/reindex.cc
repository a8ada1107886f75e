// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <cstdio>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/local_database.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

std::string LineOf(const ReindexedModel& model) {
  const std::string rows = Concat("model ", Quote(model.model), ": ", model.rows, " rows");
  if (!model.indexed) {
    return Concat(rows, ", which need no index");
  }
  std::array<char, 64> seconds{};
  static_cast<void>(std::snprintf(seconds.data(), seconds.size(), "%.2f", model.seconds));
  return Concat(rows, " indexed in ", std::string_view(seconds.data()), " s");
}

Status Reindex(const LocalDatabase& local, const std::string& model, Session& session) {
  EDB_ASSIGN(const auto database, local.Open(session));
  EDB_TRY(database
              ->Reindex(model,
                        [&](const ReindexedModel& done) {
                          session.io.err << LineOf(done) << "\n" << std::flush;
                        })
              .status());
  return database->Close();
}

}  // namespace

int RunReindex(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary = "Throws the indexes of a database away and builds them anew.",
       .synopsis = "[flags] DATABASE-URI",
       .examples = "  embeddingsdb reindex 'sqlite://?dsn=collection.db'\n"
                   "  embeddingsdb reindex -model apple/mobileclip_s0 "
                   "'sqlite://?dsn=collection.db&index=hnsw'",
       .notes = "Says on standard error what was done to each model. Records are not touched, and\n"
                "the options of the URI decide what is built. Interrupted, it leaves the index of\n"
                "each model old or new. The database must not be open in another process."});
  std::string model;
  flags.Add("model", model, "Only the index of the model of this `name`.");
  LocalDatabase local(flags);
  if (const auto exit_code = local.Parse(session)) {
    return *exit_code;
  }
  const Status done = Reindex(local, model, session);
  return done.ok() ? kExitOk : Fail(session, "reindex database", done);
}

}  // namespace embeddingsdb
