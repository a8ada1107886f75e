// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_flags.h"

#include <utility>

#include "cli/exit_code.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

Usage WithProgram(const Invocation& call, Usage usage) {
  usage.synopsis = Concat(call.program, " ", usage.synopsis);
  return usage;
}

}  // namespace

CommandFlags::CommandFlags(const Invocation& call, Usage usage)
    : FlagSet(WithProgram(call, std::move(usage))), call_(call) {
  Add("verbose", verbose_, "Enable verbose (debug) logging.");
}

std::optional<int> CommandFlags::Parse(Session& session, const Arguments& arguments) {
  if (const Status status = FlagSet::Parse(call_.args); !status.ok()) {
    if (status.code() == StatusCode::kCancelled) {
      return PrintUsage(session.io.err), kExitOk;
    }
    return UsageError(session, status.message());
  }
  if (rest().size() < arguments.min) {
    return UsageError(session, Concat("missing argument: ", arguments.name));
  }
  if (rest().size() > arguments.max) {
    return UsageError(session, Concat("unexpected argument: ", Quote(rest()[arguments.max])));
  }
  if (verbose_) {
    session.log().set_level(LogLevel::kDebug);
    session.log().Debug("Verbose logging enabled");
  }
  return std::nullopt;
}

int CommandFlags::UsageError(Session& session, std::string_view message) const {
  session.io.err << message << "\n\n";
  PrintUsage(session.io.err);
  return kExitUsage;
}

void AddKeyFlags(FlagSet& flags, Key& key) {
  flags.Add("provider", key.provider, "The `name` of the record's provider.");
  flags.Add("depiction-id", key.depiction_id, "The `id` of the depiction.");
  flags.Add("model", key.model, "The `name` of the model that made the vector.");
}

void AddFilterFlag(FlagSet& flags, KeyValues& filters) {
  flags.Add(
      "filter", filters,
      "Only records where `COLUMN=VALUE`; the columns are provider, depiction_id, subject_id\n"
      "and model. May be repeated: all must match.");
}

Result<std::vector<Filter>> ParseFilters(const KeyValues& filters) {
  std::vector<Filter> parsed;
  for (const auto& [name, value] : filters) {
    EDB_ASSIGN(const Column column, ParseColumn(name));
    parsed.push_back({.column = column, .value = value});
  }
  return parsed;
}

std::optional<int> RefuseTerminal(const CommandFlags& flags, const std::string& output,
                                  Session& session) {
  if (output != "-" || !session.io.out_is_terminal) {
    return std::nullopt;
  }
  return flags.UsageError(session, "standard output is a terminal: name a file with -output");
}

}  // namespace embeddingsdb
