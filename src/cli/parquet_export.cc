// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/parquet.h"

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/progress.h"

namespace embeddingsdb {
namespace {

Status ExportAll(Client& client, const std::vector<Filter>& filters, const std::string& output,
                 Session& session) {
  // The walk first: when there is nobody to ask, no file is begun.
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, client.Scan(filters));
  EDB_ASSIGN(const std::unique_ptr<ParquetWriter> writer, ParquetWriter::Create(output));
  std::int64_t total = 0;
  if (Progress::Wanted(session)) {
    EDB_ASSIGN(total, client.Count(filters));
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
       .examples = "  parquet-export -client-uri grpc://localhost:8081 -output collection.parquet\n"
                   "  parquet-export -filter provider=example -output example.parquet",
       .notes =
           "The file appears whole or not at all: it is written beside its place and renamed."});
  const ClientFlags client_flags(flags);
  const FilterFlags filter_flags(flags);
  flags.Add("output", output, "The `file` to write, or - for standard output.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  std::vector<Filter> filters;
  if (const auto exit_code = filter_flags.Take(session, filters)) {
    return *exit_code;
  }
  if (const auto exit_code = RefuseTerminal(flags, output, session)) {
    return *exit_code;
  }

  return client_flags.Run(session, "export records", [&](Client& client) {
    return ExportAll(client, filters, output, session);
  });
}

}  // namespace embeddingsdb
