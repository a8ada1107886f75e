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

void AddFormatFlag(FlagSet& flags, std::string& format) {
  flags.Add("format", format, "The `format`: table for people, or json for programs.");
}

Status CheckFormat(std::string_view format) {
  return format == "json" || format == "table"
             ? Status()
             : InvalidArgumentError(
                   Concat("-format ", Quote(format), " is neither json nor table"));
}

void AddKeyFlags(FlagSet& flags, Key& key) {
  flags.Add("provider", key.provider, "The `name` of the record's provider.");
  flags.Add("depiction-id", key.depiction_id, "The `id` of the depiction.");
  flags.Add("model", key.model, "The `name` of the model that made the vector.");
}

void AddOnDuplicateFlag(FlagSet& flags, std::string& on_duplicate) {
  flags.Add("on-duplicate", on_duplicate,
            "The `policy` for a record whose key is there already: overwrite it, fail, skip (keep\n"
            "the one that is there) or newest (keep the one that was created last).");
}

FilterFlags::FilterFlags(CommandFlags& flags) : flags_(flags) {
  flags.Add(
      "filter", filters_,
      "Only records where `NAME=VALUE`; NAME is provider, depiction_id, subject_id, model or\n"
      "attributes.ATTRIBUTE. May be repeated: all must match.");
  flags.Add(
      "words", words_,
      "Only records with all words of this `text` in their attributes, whatever the case and\n"
      "the accents; fish* stands for all words that begin so.");
}

Result<std::vector<Filter>> FilterFlags::Parse() const {
  std::vector<Filter> parsed;
  for (const auto& [name, value] : filters_) {
    EDB_ASSIGN(Filter filter, ParseFilter(name, value));
    parsed.push_back(std::move(filter));
  }
  if (flags_.given("words")) {
    parsed.push_back({.column = Column::kWords, .value = words_});
  }
  EDB_TRY(ValidateFilters(parsed));
  return parsed;
}

std::optional<int> FilterFlags::Take(Session& session, std::vector<Filter>& filters) const {
  Result<std::vector<Filter>> parsed = Parse();
  if (!parsed.ok()) {
    return flags_.UsageError(session, parsed.status().message());
  }
  filters = *std::move(parsed);
  return std::nullopt;
}

std::optional<int> RefuseTerminal(const CommandFlags& flags, const std::string& output,
                                  Session& session) {
  if (output != "-" || !session.io.out_is_terminal) {
    return std::nullopt;
  }
  return flags.UsageError(session, "standard output is a terminal: name a file with -output");
}

}  // namespace embeddingsdb
