// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/fact_flags.h"
#include "cli/parquet_input.h"
#include "parquet/merge.h"

namespace embeddingsdb {
namespace {

Result<MergeReport> Merge(std::span<const std::string> inputs, const std::string& output,
                          MergeOptions options) {
  EDB_ASSIGN(const ParquetInputs fetched, ParquetInputs::Fetch(inputs));
  return MergeParquet(fetched.paths, output, std::move(options));
}

}  // namespace

int RunParquetMerge(const Invocation& call, Session& session) {
  std::string output = "-";
  std::string on_duplicate_name = "fail";
  CommandFlags flags(
      call,
      {.summary = "Makes one Parquet file of several.",
       .synopsis = "[flags] FILE FILE...",
       .examples =
           "  parquet-merge -output all.parquet a.parquet b.parquet\n"
           "  parquet-merge -on-duplicate newest -output all.parquet all.parquet new.parquet",
       .notes =
           "A file is a path or an http(s) URL. The rows keep their order. The output appears\n"
           "whole or not at all, and may be one of the inputs. Licence, digests and metrics that\n"
           "the inputs agree on stay; two digests of one model are an error."});
  const FactFlags fact_flags(flags);
  flags.Add("output", output, "The `file` to write, or - for standard output.");
  flags.Add(
      "on-duplicate", on_duplicate_name,
      "The `policy` for rows with the same key: fail, skip (keep the first), overwrite (keep\n"
      "the last) or newest (keep the one that was created last).");
  const Arguments arguments{.name = "FILE", .min = 0, .max = kAnyNumber};
  if (const auto exit_code = flags.Parse(session, arguments)) {
    return *exit_code;
  }
  if (flags.rest().size() < 2) {
    return flags.UsageError(session, "A minimum of two files to merge are required");
  }
  const Result<OnDuplicate> on_duplicate = ParseOnDuplicate(on_duplicate_name);
  if (!on_duplicate.ok()) {
    return flags.UsageError(session, on_duplicate.status().message());
  }
  ParquetFacts facts;
  if (const auto exit_code = fact_flags.Take(session, facts)) {
    return *exit_code;
  }
  if (const auto exit_code = RefuseTerminal(flags, output, session)) {
    return *exit_code;
  }

  const Result<MergeReport> report =
      Merge(flags.rest(), output, {.on_duplicate = *on_duplicate, .write = {.facts = facts}});
  if (!report.ok()) {
    return Fail(session, "merge", report.status());
  }
  session.log().Info("Merged records",
                     {{"count", report->written}, {"duplicates", report->duplicates}});
  return kExitOk;
}

}  // namespace embeddingsdb
