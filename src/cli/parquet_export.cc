// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/parquet.h"

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/fact_flags.h"
#include "cli/progress.h"

namespace embeddingsdb {
namespace {

struct ExportOptions {
  std::vector<Filter> filters;
  std::string output;
  ParquetFacts facts;
};

Status ExportAll(Client& client, const ExportOptions& options, Session& session) {
  // The walk first: when there is nobody to ask, no file is begun.
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, client.Scan(options.filters));
  EDB_ASSIGN(const std::unique_ptr<ParquetWriter> writer,
             ParquetWriter::Create(options.output, {.metadata = {}, .facts = options.facts}));
  std::int64_t total = 0;
  if (Progress::Wanted(session)) {
    EDB_ASSIGN(total, client.Count(options.filters));
  }
  Progress progress(session, total);
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor->Next(record));
    if (!more) {
      break;
    }
    EDB_TRY(writer->Write(record));
    progress.Update(writer->rows());
  }
  EDB_TRY(writer->Finish());
  session.log().Debug("Records exported", {{"count", writer->rows()}});
  return {};
}

}  // namespace

int RunParquetExport(const Invocation& call, Session& session) {
  std::string output = "-";
  CommandFlags flags(
      call,
      {.summary = "Writes the records of a database to a Parquet file.",
       .synopsis = "[flags]",
       .examples =
           "  parquet-export -client-uri grpc://localhost:8081 -output collection.parquet\n"
           "  parquet-export -filter provider=example -licence CC0-1.0 -output example.parquet",
       .notes =
           "The file appears whole or not at all: it is written beside its place and renamed."});
  const ClientFlags client_flags(flags);
  const FilterFlags filter_flags(flags);
  const FactFlags fact_flags(flags);
  flags.Add("output", output, "The `file` to write, or - for standard output.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  std::vector<Filter> filters;
  if (const auto exit_code = filter_flags.Take(session, filters)) {
    return *exit_code;
  }
  ParquetFacts facts;
  if (const auto exit_code = fact_flags.Take(session, facts)) {
    return *exit_code;
  }
  if (const auto exit_code = RefuseTerminal(flags, output, session)) {
    return *exit_code;
  }

  const ExportOptions options = {.filters = filters, .output = output, .facts = facts};
  return client_flags.Run(session, "export records",
                          [&](Client& client) { return ExportAll(client, options, session); });
}

}  // namespace embeddingsdb
