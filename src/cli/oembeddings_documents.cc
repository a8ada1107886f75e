// SPDX-License-Identifier: BSD-3-Clause
#include "cli/oembeddings_documents.h"

#include <cstddef>
#include <memory>
#include <optional>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/parquet.h"

#include "cli/input.h"
#include "cli/parquet_input.h"
#include "core/text.h"
#include "parquet/parquet_format.h"

namespace embeddingsdb {
namespace {

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

/// Whether a line is a whole JSON text, be it right or wrong as OEmbeddings.
bool IsWholeJson(std::string_view line) {
  const OEmbeddingsReport report = ValidateOEmbeddings(line, {.uri_format = UriFormat::kIgnore});
  return report.problems.empty() || report.problems.front().rule != OEmbeddingsRule::kJson;
}

std::optional<DocumentFormat> FormatOfName(std::string_view name) {
  struct Ending {
    std::string_view text;
    DocumentFormat format;
  };
  static constexpr auto kEndings = std::to_array<Ending>({
      {".json", DocumentFormat::kJson},
      {".jsonl", DocumentFormat::kJsonl},
      {".ndjson", DocumentFormat::kJsonl},
      {".parquet", DocumentFormat::kParquet},
  });
  const std::string lower = AsciiLower(name);
  for (const Ending& ending : kEndings) {
    if (lower.ends_with(ending.text)) {
      return ending.format;
    }
  }
  return std::nullopt;
}

Status CheckParquet(const std::string& path, const DocumentCheck& check) {
  if (path == "-") {
    return InvalidArgumentError("Parquet is read from files, not from standard input");
  }
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(path));
  return CheckRecords(*reader, "row", check);
}

/// A document a line, beginning with one that was read already. Empty lines are none.
void CheckLines(std::string line, LineReader& lines, const DocumentCheck& check) {
  do {
    if (!IsBlank(line) && !check.sink({.unit = "line", .number = lines.number()},
                                      ValidateOEmbeddings(line, check.options))) {
      return;
    }
  } while (lines.Next(line));
}

void AppendLine(std::string& text, std::string_view line, const LineReader& lines) {
  if (lines.number() > 1) {
    text += '\n';
  }
  text += line;
}

/// Everything as one document, after a beginning that was read already.
void CheckWhole(std::string text, LineReader& lines, const DocumentCheck& check) {
  std::string line;
  while (text.size() <= kMaxJsonBytes && lines.Next(line)) {
    AppendLine(text, line, lines);
  }
  check.sink({}, ValidateOEmbeddings(text, check.options));
}

/// Text in a format that is not told: Parquet's magic, or JSON lines when the first that is not
/// empty is whole in itself, or else one document.
Status CheckUnknown(std::istream& in, const std::string& path, const DocumentCheck& check) {
  LineReader lines(in);
  std::string text;
  std::string line;
  while (text.size() <= kMaxJsonBytes && lines.Next(line)) {
    if (lines.number() == 1 && line.starts_with(kParquetMagic)) {
      return CheckParquet(path, check);
    }
    AppendLine(text, line, lines);
    if (IsBlank(line)) {
      continue;
    }
    if (IsWholeJson(line)) {
      CheckLines(std::move(line), lines, check);
      return {};
    }
    break;
  }
  CheckWhole(std::move(text), lines, check);
  return {};
}

}  // namespace

bool LineReader::Next(std::string& line) {
  constexpr int kEnd = std::istream::traits_type::eof();
  std::streambuf& buffer = *in_.rdbuf();
  line.clear();
  int next = buffer.sbumpc();
  if (next == kEnd) {
    return false;
  }
  ++number_;
  for (; next != kEnd && next != '\n'; next = buffer.sbumpc()) {
    if (line.size() <= kMaxJsonBytes) {
      line += static_cast<char>(next);
    }
  }
  return true;
}

Status CheckFile(const std::string& input, DocumentFormat format, const DocumentCheck& check,
                 Session& session) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  if (format == DocumentFormat::kAuto) {
    format = FormatOfName(file.name()).value_or(DocumentFormat::kAuto);
  }
  if (format == DocumentFormat::kParquet) {
    return CheckParquet(file.path(), check);
  }
  EDB_ASSIGN(const std::unique_ptr<std::istream> in, OpenInput(file.path(), session));
  if (format == DocumentFormat::kAuto) {
    return CheckUnknown(*in, file.path(), check);
  }
  LineReader lines(*in);
  if (format == DocumentFormat::kJson) {
    CheckWhole("", lines, check);
    return {};
  }
  if (std::string line; lines.Next(line)) {
    CheckLines(std::move(line), lines, check);
  }
  return {};
}

Status CheckRecords(RecordCursor& records, std::string_view unit, const DocumentCheck& check) {
  Record record;
  for (std::int64_t number = 0;; ++number) {
    EDB_ASSIGN(const bool more, records.Next(record));
    const DocumentPlace place{.unit = unit, .number = number, .key = &record.key};
    if (!more || !check.sink(place, ValidateOEmbeddings(record.attributes, check.options))) {
      return {};
    }
  }
}

}  // namespace embeddingsdb
