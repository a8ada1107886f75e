// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parquet_input.h"
#include "core/text.h"
#include "parquet/append_statistics.h"

namespace embeddingsdb {
namespace {

Status Gather(const std::string& input, ParquetStatistics& statistics) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  return GatherStatistics(file.path(), statistics);
}

}  // namespace

int RunParquetGatherStats(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary = "Prints which models and providers are in Parquet files, as one JSON object.",
       .synopsis = "[flags] FILE...",
       .examples = "  parquet-gather-stats collection.parquet\n"
                   "  parquet-gather-stats a.parquet b.parquet",
       .notes = "A file is a path or an http(s) URL. Every row is read; what the files say about\n"
                "themselves is not asked. Lists are in the order of first appearance."});
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  ParquetStatistics statistics;
  for (const std::string& input : flags.rest()) {
    if (const Status status = Gather(input, statistics); !status.ok()) {
      return Fail(session, Concat("gather statistics of ", Quote(DisplayInput(input))), status);
    }
  }
  session.io.out << statistics.ToJson() << "\n";
  return kExitOk;
}

}  // namespace embeddingsdb
