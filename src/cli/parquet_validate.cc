// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parquet_input.h"
#include "core/json.h"
#include "core/text.h"
#include "parquet/validate.h"

namespace embeddingsdb {
namespace {

void AppendProblems(std::string& out, const std::vector<FileProblem>& problems) {
  out += '[';
  for (const FileProblem& problem : problems) {
    out += Concat(out.back() == '[' ? "" : ",", "{\"kind\":\"", FileProblemKindName(problem.kind),
                  "\",\"message\":");
    AppendJsonString(out, problem.sentence);
    out += '}';
  }
  out += ']';
}

std::string ReportToJson(const std::string& name, const FileReport& report) {
  std::string out = "{\"file\":";
  AppendJsonString(out, name);
  out += Concat(",\"valid\":", report.valid() ? "true" : "false", ",\"rows\":", report.rows,
                ",\"problems\":");
  AppendProblems(out, report.problems);
  out += ",\"notes\":";
  AppendProblems(out, report.notes);
  out += ",\"not_shown\":{";
  for (const auto& [kind, count] : report.not_shown) {
    out += Concat(out.back() == '{' ? "" : ",", "\"", FileProblemKindName(kind), "\":", count);
  }
  return out + "}}";
}

/// One line, whatever a file or a library put into it.
std::string OneLine(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; }, ' ');
  return text;
}

void PrintReport(std::ostream& out, const std::string& name, const FileReport& report) {
  const std::string file = OneLine(name);
  for (const FileProblem& problem : report.problems) {
    out << file << ": " << OneLine(problem.sentence) << "\n";
  }
  for (const auto& [kind, count] : report.not_shown) {
    out << file << ": " << count << " more like these (" << FileProblemKindName(kind) << ")\n";
  }
  for (const FileProblem& note : report.notes) {
    out << file << ": note: " << OneLine(note.sentence) << "\n";
  }
  out << file << ": " << (report.valid() ? "valid" : "not valid") << ", " << report.rows
      << " rows read\n";
}

Result<FileReport> ValidateInput(const std::string& input) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  return ValidateParquet(file.path());
}

}  // namespace

int RunParquetValidate(const Invocation& call, Session& session) {
  std::string output = "text";
  CommandFlags flags(
      call,
      {.summary = "Reads Parquet files and says what is wrong with them.",
       .synopsis = "[flags] FILE...",
       .examples = "  parquet-validate collection.parquet\n"
                   "  parquet-validate -output json a.parquet b.parquet",
       .notes =
           "A file is a path or an http(s) URL. Rows are counted from 0. Of each kind of problem\n"
           "the first 10 are told, the others are counted. The exit code is 5 when a file has\n"
           "problems; notes are no problems. docs/parquet.md lists the kinds."});
  flags.Add("output", output,
            "The `format` of the report: text for people, or json for programs, one object a line\n"
            "and file.");
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  if (output != "json" && output != "text") {
    return flags.UsageError(session,
                            Concat("-output ", Quote(output), " is neither text nor json"));
  }
  int exit_code = kExitOk;
  for (const std::string& input : flags.rest()) {
    const Result<FileReport> report = ValidateInput(input);
    if (!report.ok()) {
      // The others are looked at all the same; that one could not be weighs more than problems.
      exit_code = Fail(session, Concat("validate ", Quote(DisplayInput(input))), report.status());
      continue;
    }
    if (output == "json") {
      session.io.out << ReportToJson(DisplayInput(input), *report) << "\n";
    } else {
      PrintReport(session.io.out, DisplayInput(input), *report);
    }
    if (!report->valid() && exit_code == kExitOk) {
      exit_code = kExitDataLoss;
    }
  }
  return exit_code;
}

}  // namespace embeddingsdb
