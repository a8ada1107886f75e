// SPDX-License-Identifier: BSD-3-Clause
#include <cstdint>
#include <map>

#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parquet_input.h"
#include "cli/table.h"
#include "core/json.h"
#include "core/text.h"
#include "parquet/parquet_layout.h"

namespace embeddingsdb {
namespace {

std::string Joined(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += Concat(out.empty() ? "" : ", ", name);
  }
  return out;
}

void PrintKeyValues(std::ostream& out, const ParquetLayout& layout) {
  // As Go's map has it: sorted, and of a key that is there twice the last value.
  Attributes pairs;
  for (const auto& [key, value] : layout.metadata) {
    pairs.insert_or_assign(key, value);
  }
  out << AttributesToJson(pairs) << "\n";
}

void PrintTables(std::ostream& out, const ParquetLayout& layout) {
  Table file({"ROWS", "ROW GROUPS", "FORMAT", "CREATED BY"});
  file.AddRow({std::to_string(layout.rows), std::to_string(layout.row_groups.size()),
               std::to_string(layout.version), layout.created_by});
  file.Print(out);
  out << "\n";
  Table columns(
      {"COLUMN", "TYPE", "REPETITION", "VALUES", "BYTES", "UNCOMPRESSED", "CODEC", "ENCODINGS"});
  for (const LayoutColumn& column : layout.columns) {
    columns.AddRow({column.path, column.type, column.repetition, std::to_string(column.values),
                    std::to_string(column.compressed_bytes),
                    std::to_string(column.uncompressed_bytes), Joined(column.codecs),
                    Joined(column.encodings)});
  }
  columns.Print(out);
  if (layout.metadata.empty()) {
    return;
  }
  out << "\n";
  // Keys hold the names of models, so they are not cut as the cells of a table are.
  for (const auto& [key, value] : layout.metadata) {
    out << QuoteWhole(key) << ": " << Quote(value) << "\n";
  }
}

enum class Shown : std::uint8_t { kFooter, kTables, kKeyValues };

Status Print(std::ostream& out, const std::string& input, Shown shown) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  if (shown == Shown::kFooter) {
    EDB_ASSIGN(const std::string json, ReadFooterJson(file.path()));
    out << json << "\n";
    return {};
  }
  EDB_ASSIGN(const ParquetLayout layout, ReadParquetLayout(file.path()));
  if (shown == Shown::kKeyValues) {
    PrintKeyValues(out, layout);
  } else {
    PrintTables(out, layout);
  }
  return {};
}

}  // namespace

int RunParquetMetadata(const Invocation& call, Session& session) {
  bool key_value = false;
  std::string format = "json";
  CommandFlags flags(
      call,
      {.summary = "Prints what a Parquet file says about itself.",
       .synopsis = "[flags] FILE",
       .examples = "  parquet-metadata -format table collection.parquet\n"
                   "  parquet-metadata -key-value collection.parquet\n"
                   "  parquet-metadata collection.parquet",
       .notes =
           "A file is a path or an http(s) URL. Only its footer is read: parquet-validate tells\n"
           "whether it is true. The JSON has the whole footer under the names of\n"
           "go-embeddingsdb; the table has the essentials, and long values are cut."});
  flags.Add("key-value", key_value, "Print the key/value metadata only, as a JSON object.");
  AddFormatFlag(flags, format);
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 0, .max = kAnyNumber})) {
    return *exit_code;
  }
  if (flags.rest().size() != 1) {
    return flags.UsageError(
        session, Concat("Invalid arguments. One file is wanted, there are ", flags.rest().size()));
  }
  if (const Status ok = CheckFormat(format); !ok.ok()) {
    return flags.UsageError(session, ok.message());
  }
  const std::string& input = flags.rest().front();
  const Shown shown = key_value          ? Shown::kKeyValues
                      : format == "json" ? Shown::kFooter
                                         : Shown::kTables;
  if (const Status ok = Print(session.io.out, input, shown); !ok.ok()) {
    return Fail(session, Concat("read metadata of ", Quote(DisplayInput(input))), ok);
  }
  return kExitOk;
}

}  // namespace embeddingsdb
