// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/download.h"
#include "cli/exit_code.h"
#include "cli/local_database.h"
#include "cli/oembeddings_documents.h"
#include "cli/oembeddings_output.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::array kUriFormats = std::to_array<std::string_view>({"ignore", "warn", "error"});
constexpr std::array kOutputs = std::to_array<std::string_view>({"text", "json"});

Usage HelpText() {
  return {
      .summary = "Checks documents, or the attributes of records, against the OEmbeddings format.",
      .synopsis = "[flags] FILE",
      .examples =
          "  embeddingsdb oembeddings validate collection.parquet\n"
          "  embeddingsdb oembeddings validate -uri-format error oembeddings.json\n"
          "  embeddingsdb oembeddings validate -output json - < oembeddings.jsonl\n"
          "  embeddingsdb oembeddings validate -database-uri sqlite:///srv/shared.db",
      .notes =
          "FILE is a JSON document, JSON lines (a document a line) or a Parquet file; an http(s)\n"
          "URL, or - for standard input. Prints a line for each problem, and how many there are\n"
          "of what at the end. The exit code is 0 when all documents are valid: warnings are no\n"
          "errors. It is 1 when one is not."};
}

/// The flags as given, and what they mean.
struct Request {
  std::string format = "auto";
  std::string uri_format = "warn";
  std::string output = "text";
  std::vector<std::string> database_uris;
};

/// The index of the value of a flag; kInvalidArgument naming what it may be.
Result<std::size_t> Choice(std::string_view flag, std::string_view value,
                           std::span<const std::string_view> allowed) {
  const auto found = std::ranges::find(allowed, value);
  if (found != allowed.end()) {
    return static_cast<std::size_t>(found - allowed.begin());
  }
  std::string names;
  for (const std::string_view name : allowed) {
    names += Concat(names.empty() ? "" : ", ", name);
  }
  return InvalidArgumentError(Concat("-", flag, " ", Quote(value), " is none of ", names));
}

/// What is checked and how, once the flags are understood.
struct Task {
  DocumentFormat format = DocumentFormat::kAuto;
  OEmbeddingsOptions options;
  OutputFormat output = OutputFormat::kText;
};

Result<Task> Understand(const Request& request, const CommandFlags& flags) {
  EDB_ASSIGN(const std::size_t format, Choice("format", request.format, kDocumentFormats));
  EDB_ASSIGN(const std::size_t uris, Choice("uri-format", request.uri_format, kUriFormats));
  EDB_ASSIGN(const std::size_t output, Choice("output", request.output, kOutputs));
  const bool has_database = !request.database_uris.empty();
  if (flags.rest().empty() && !has_database) {
    return InvalidArgumentError("missing argument: FILE");
  }
  if (!flags.rest().empty() && has_database) {
    return InvalidArgumentError("FILE and -database-uri exclude each other");
  }
  if (has_database && flags.given("format")) {
    return InvalidArgumentError("-format is of files, a database has none");
  }
  return Task{.format = static_cast<DocumentFormat>(format),
              .options = {.uri_format = static_cast<UriFormat>(uris)},
              .output = output == 0 ? OutputFormat::kText : OutputFormat::kJson};
}

Status CheckDatabase(std::span<const std::string> uris, const DocumentCheck& check,
                     Session& session) {
  EDB_ASSIGN(const std::unique_ptr<Database> database, OpenDatabaseToLook(uris, session));
  EDB_ASSIGN(std::unique_ptr<RecordCursor> cursor, database->Scan({}));
  EDB_TRY(CheckRecords(*cursor, "", check));
  cursor.reset();  // before Close, which could not let go of its files otherwise
  return database->Close();
}

}  // namespace

int RunOEmbeddingsValidate(const Invocation& call, Session& session) {
  Request request;
  CommandFlags flags(call, HelpText());
  flags.Add(
      "format", request.format,
      "The `format` of FILE: json, jsonl or parquet. auto goes by the end of its name, or else\n"
      "by how it begins: a first line that is JSON by itself means jsonl.");
  flags.Add("uri-format", request.uri_format,
            "The `level` of a URL that is no URI: warn, error or ignore.");
  flags.Add("output", request.output,
            "The `format` of the report: text for people, or json, an object a line.");
  flags.Add("database-uri", request.database_uris,
            "The `URI` of a database whose records are checked, in the place of FILE. May be\n"
            "repeated: several databases answer as one (multi://).");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 0, .max = 1})) {
    return *exit_code;
  }
  const Result<Task> task = Understand(request, flags);
  if (!task.ok()) {
    return flags.UsageError(session, task.status().message());
  }

  OEmbeddingsTally tally;
  bool has_problems = false;
  const auto tell = [&](const DocumentPlace& place, const OEmbeddingsReport& report) {
    tally.Add(report);
    has_problems = has_problems || !report.problems.empty();
    PrintProblems(session.io.out, task->output, place, report);
    return session.io.out.good();  // else nobody reads on
  };
  const DocumentCheck check{.options = task->options, .sink = tell};
  const bool is_file = request.database_uris.empty();
  const Status status = is_file ? CheckFile(flags.rest().front(), task->format, check, session)
                                : CheckDatabase(request.database_uris, check, session);
  if (!status.ok()) {
    const std::string what =
        is_file ? Concat("check ", Quote(DisplayInput(flags.rest().front()))) : "check database";
    return Fail(session, what, status);
  }
  if (has_problems && task->output == OutputFormat::kText) {
    session.io.out << "\n";
  }
  PrintTally(session.io.out, task->output, tally);
  return tally.invalid() == 0 ? kExitOk : kExitFailure;
}

}  // namespace embeddingsdb
