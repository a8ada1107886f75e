// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/parquet_input.h"
#include "cli/progress.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Adds the records of one file and returns how many there were.
Result<std::int64_t> ImportFile(Client& client, const std::string& input, Session& session) {
  if (IsUrl(input)) {
    session.log().Debug("Import remote data", {{"url", DisplayInput(input)}});
  } else {
    session.log().Debug("Import data", {{"path", input}});
  }
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(file.path()));
  Progress progress(session, reader->rows());
  const ImportReport report = client.AddRecords(*reader, [&](std::int64_t acknowledged) {
    progress.Update(acknowledged);
    session.log().Debug("Records acknowledged", {{"count", acknowledged}});
  });
  if (!report.status.ok()) {
    return report.status.WithContext(
        Concat("after ", report.acknowledged, " of ", reader->rows(), " records were stored"));
  }
  session.log().Debug("Imported records", {{"path", file.name()},
                                           {"count", report.acknowledged},
                                           {"added", report.added},
                                           {"replaced", report.replaced}});
  return report.acknowledged;
}

}  // namespace

int RunParquetImport(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary =
           "Adds the records of Parquet files to a database, replacing those with the same key.",
       .synopsis = "[flags] FILE...",
       .examples = "  parquet-import -client-uri grpc://localhost:8081 collection.parquet\n"
                   "  parquet-import -database-uri 'sqlite://?dsn=collection.db' \\\n"
                   "    https://example.org/embeddings.parquet",
       .notes =
           "A file is a path or an http(s) URL. The import stops at the first error and says how\n"
           "many records of that file are stored; importing a file again does no harm."});
  const ClientFlags client_flags(flags);
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }

  return client_flags.Run(session, "import", [&](Client& client) -> Status {
    std::int64_t count = 0;
    for (const std::string& input : flags.rest()) {
      const Result<std::int64_t> imported = ImportFile(client, input, session);
      if (!imported.ok()) {
        return imported.status().WithContext(
            Concat("Parquet data for ", Quote(DisplayInput(input))));
      }
      count += *imported;
    }
    session.log().Info("Imported all records", {{"count", count}});
    return {};
  });
}

}  // namespace embeddingsdb
