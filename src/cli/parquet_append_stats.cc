// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/fact_flags.h"
#include "cli/parquet_input.h"
#include "parquet/append_statistics.h"
#include "parquet/merge.h"

namespace embeddingsdb {
namespace {

/// One file keeps its bytes; several become one by the rules of a merge. Returns the rows.
Result<std::int64_t> Append(std::span<const std::string> inputs, const std::string& output,
                            const ParquetFacts& facts, Session& session) {
  EDB_ASSIGN(const ParquetInputs fetched, ParquetInputs::Fetch(inputs));
  if (fetched.paths.size() > 1) {
    EDB_ASSIGN(const MergeReport report,
               MergeParquet(fetched.paths, output, {.write = {.facts = facts}}));
    return report.written;
  }
  EDB_ASSIGN(const AppendReport report, AppendStatistics(fetched.paths.front(), output, facts));
  if (report.document_replaced) {
    session.log().Warn("The document under the key embeddings could not be read and was replaced");
  }
  return report.rows;
}

}  // namespace

int RunParquetAppendStats(const Invocation& call, Session& session) {
  std::string output = "-";
  CommandFlags flags(
      call,
      {.summary = "Writes a Parquet file with the statistics of its rows in its metadata.",
       .synopsis = "[flags] FILE...",
       .examples = "  parquet-append-stats -output collection.parquet collection.parquet\n"
                   "  parquet-append-stats -licence CC0-1.0 -output new.parquet collection.parquet",
       .notes =
           "A file is a path or an http(s) URL. Every row is read. Of one file all else is copied\n"
           "byte for byte, columns that are not ours too; several files become one as by\n"
           "parquet-merge. The output appears whole or not at all, and may be an input."});
  const FactFlags fact_flags(flags);
  flags.Add("output", output, "The `file` to write, or - for standard output.");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  ParquetFacts facts;
  if (const auto exit_code = fact_flags.Take(session, facts)) {
    return *exit_code;
  }
  if (const auto exit_code = RefuseTerminal(flags, output, session)) {
    return *exit_code;
  }

  const Result<std::int64_t> rows = Append(flags.rest(), output, facts, session);
  if (!rows.ok()) {
    return Fail(session, "append statistics", rows.status());
  }
  session.log().Info("Appended statistics", {{"count", *rows}});
  return kExitOk;
}

}  // namespace embeddingsdb
