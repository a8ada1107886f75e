// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/parquet_input.h"
#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

Status Emit(const std::string& input, Session& session) {
  EDB_ASSIGN(const ParquetInput file, ParquetInput::Fetch(input));
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(file.path()));
  Record record;
  while (session.io.out) {
    EDB_ASSIGN(const bool more, reader->Next(record));
    if (!more) {
      break;
    }
    session.io.out << RecordToJson(record) << "\n";
  }
  return {};
}

}  // namespace

int RunParquetEmit(const Invocation& call, Session& session) {
  CommandFlags flags(
      call,
      {.summary = "Prints the records of Parquet files, one JSON object a line.",
       .synopsis = "[flags] FILE...",
       .examples = "  parquet-emit collection.parquet\n"
                   "  parquet-emit a.parquet | sort | sha256sum",
       .notes =
           "The lines are the canonical form of the records: equal records give equal lines."});
  if (const auto exit_code = flags.Parse(session, {.name = "FILE", .min = 1, .max = kAnyNumber})) {
    return *exit_code;
  }
  for (const std::string& input : flags.rest()) {
    if (const Status status = Emit(input, session); !status.ok()) {
      return Fail(session, Concat("emit ", Quote(DisplayInput(input))), status);
    }
  }
  return kExitOk;
}

}  // namespace embeddingsdb
