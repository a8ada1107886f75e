// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <optional>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/import_state.h"
#include "cli/parquet_input.h"
#include "cli/progress.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

struct ImportFlags {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::string on_duplicate = "overwrite";
  bool dry_run = false;
  std::string resume;
};

void AddFlags(FlagSet& flags, ImportFlags& values) {
  flags.Add("start", values.start,
            "The first `row` of each file to import, counting from 0. Rows before it may be bad.");
  flags.Add("end", values.end, "The last `row` of each file to import; 0 means to its end.");
  AddOnDuplicateFlag(flags, values.on_duplicate);
  flags.Add("dry-run", values.dry_run,
            "Read and check everything and say what would be done, but store nothing. Keys are\n"
            "looked up in the database as it is.");
  flags.Add("resume", values.resume,
            "A `file` to keep the state of the import in. When it is there, what it says is\n"
            "stored is not read again. Removed when all is imported.");
}

/// Empty when the flags go together.
std::string Contradiction(const ImportFlags& flags) {
  if (flags.start < 0 || flags.end < 0) {
    return Concat("-start ", flags.start, " and -end ", flags.end, " must not be below 0");
  }
  if (flags.end != 0 && flags.end < flags.start) {
    return Concat("-end ", flags.end, " is before -start ", flags.start);
  }
  if (!flags.resume.empty() && (flags.dry_run || flags.start != 0 || flags.end != 0)) {
    return "-resume excludes -dry-run, -start and -end";
  }
  return {};
}

class Import {
 public:
  Import(Client& client, Session& session, AddOptions options, ParquetRows rows)
      : client_(client), session_(session), options_(options), rows_(rows) {}

  /// `state` may be null.
  Status File(const std::string& input, ImportState* state);
  const ImportReport& sum() const { return sum_; }

 private:
  Client& client_;
  Session& session_;
  const AddOptions options_;
  const ParquetRows rows_;
  ImportReport sum_;
};

Status Import::File(const std::string& input, ImportState* state) {
  if (IsUrl(input)) {
    session_.log().Debug("Import remote data", {{"url", DisplayInput(input)}});
  } else {
    session_.log().Debug("Import data", {{"path", input}});
  }
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  ParquetRows rows = rows_;
  if (state != nullptr) {
    EDB_ASSIGN(rows.first, state->Begin(file));
  }
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(file.path(), rows));
  const std::int64_t end = std::min(rows.last, reader->rows() - 1) + 1;
  const std::int64_t total = std::max<std::int64_t>(end - rows.first, 0);
  Progress progress(session_, total);
  Status noted;  // the first failure to
  const ImportReport report = client_.AddRecords(*reader, options_, [&](std::int64_t acknowledged) {
    progress.Update(acknowledged);
    session_.log().Debug("Records acknowledged", {{"count", acknowledged}});
    if (state != nullptr && noted.ok()) {
      noted = state->Note(rows.first + acknowledged, false);
    }
  });
  sum_.acknowledged += report.acknowledged;
  sum_.records += report.records;
  if (state != nullptr && noted.ok()) {
    noted = state->Note(rows.first + report.acknowledged, true);
  }
  if (!report.status.ok()) {
    const std::int64_t stored = rows.first + report.acknowledged;
    return report.status.WithContext(
        options_.dry_run
            ? Concat("after ", report.acknowledged, " of ", total, " records were checked")
            : Concat("after ", report.acknowledged, " of ", total, " records were stored; -start ",
                     stored, " goes on"));
  }
  EDB_TRY(noted);
  session_.log().Debug("Imported records", {{"path", file.name()},
                                            {"count", report.acknowledged},
                                            {"added", report.records.added},
                                            {"replaced", report.records.replaced},
                                            {"skipped", report.records.skipped}});
  return {};
}

Status ImportAll(Import& import, std::span<const std::string> inputs, ImportState* state) {
  for (const std::string& input : inputs) {
    EDB_TRY(import.File(input, state)
                .WithContext(Concat("Parquet data for ", Quote(DisplayInput(input)))));
  }
  return state == nullptr ? Status() : state->Remove();
}

}  // namespace

int RunParquetImport(const Invocation& call, Session& session) {
  ImportFlags values;
  CommandFlags flags(
      call,
      {.summary = "Adds the records of Parquet files to a database.",
       .synopsis = "[flags] FILE...",
       .examples =
           "  parquet-import -client-uri grpc://localhost:8081 collection.parquet\n"
           "  parquet-import -database-uri 'sqlite://?dsn=collection.db' \\\n"
           "    -resume import.state a.parquet https://example.org/b.parquet\n"
           "  parquet-import -client-uri grpc://localhost:8081 -on-duplicate skip -dry-run \\\n"
           "    collection.parquet",
       .notes =
           "A file is a path or an http(s) URL. The import stops at the first error and says how\n"
           "many records of that file are stored; importing a file again does no harm."});
  const ClientFlags client_flags(flags);
  AddFlags(flags, values);
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  const Result<OnDuplicate> on_duplicate = ParseOnDuplicate(values.on_duplicate);
  if (!on_duplicate.ok()) {
    return flags.UsageError(session, on_duplicate.status().message());
  }
  if (const std::string error = Contradiction(values); !error.empty()) {
    return flags.UsageError(session, error);
  }

  return client_flags.Run(session, "import", [&](Client& client) -> Status {
    Import import(
        client, session, {.on_duplicate = *on_duplicate, .dry_run = values.dry_run},
        {.first = values.start, .last = values.end == 0 ? ParquetRows().last : values.end});
    std::optional<ImportState> state;
    if (!values.resume.empty()) {
      EDB_ASSIGN(state, ImportState::Open(values.resume, client_flags.target(), session.env()));
    }
    EDB_TRY(ImportAll(import, flags.rest(), state ? &*state : nullptr));
    const AddReport& records = import.sum().records;
    session.log().Info(values.dry_run ? "Would import all records" : "Imported all records",
                       {{"count", import.sum().acknowledged},
                        {"added", records.added},
                        {"replaced", records.replaced},
                        {"skipped", records.skipped}});
    return {};
  });
}

}  // namespace embeddingsdb
