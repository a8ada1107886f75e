// SPDX-License-Identifier: BSD-3-Clause
//
// CommandFlags: what the flags of all commands have in common: -verbose, help, how errors in the
// command line are told, and a check of the arguments after the flags.
#ifndef EMBEDDINGSDB_CLI_COMMAND_FLAGS_H_
#define EMBEDDINGSDB_CLI_COMMAND_FLAGS_H_

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/query.h"

#include "cli/command.h"
#include "cli/flags.h"

namespace embeddingsdb {

inline constexpr std::string_view kDefaultModel = "apple/mobileclip_s0";

/// How many arguments a command takes after its flags, and what they are called.
struct Arguments {
  std::string_view name;
  std::size_t min = 0;
  std::size_t max = 0;
};
inline constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

class CommandFlags : public FlagSet {
 public:
  /// `usage.synopsis` is what stands after the program's name.
  CommandFlags(const Invocation& call, Usage usage);

  /// Reads the command line and applies -verbose. An exit code when the command must end here: 0
  /// after help was asked for, kExitUsage after an error; both have printed what there is to say.
  std::optional<int> Parse(Session& session, const Arguments& arguments = {});

  /// Tells of an error in the command line and returns kExitUsage.
  int UsageError(Session& session, std::string_view message) const;

 private:
  Invocation call_;
  bool verbose_ = false;
};

/// -format, whose value CheckFormat takes.
void AddFormatFlag(FlagSet& flags, std::string& format);
/// kInvalidArgument when the value of -format is neither json nor table.
Status CheckFormat(std::string_view format);

/// -provider, -depiction-id and -model, which name a record.
void AddKeyFlags(FlagSet& flags, Key& key);

/// -on-duplicate of a command that adds to a database; ParseOnDuplicate takes its value.
void AddOnDuplicateFlag(FlagSet& flags, std::string& on_duplicate);

/// -filter NAME=VALUE and -words TEXT.
class FilterFlags {
 public:
  /// Declares the flags in `flags`, which is parsed while this object lives.
  explicit FilterFlags(CommandFlags& flags);
  FilterFlags(const FilterFlags&) = delete;
  FilterFlags& operator=(const FilterFlags&) = delete;
  ~FilterFlags() = default;

  /// Takes what was given as filters; kExitUsage, after saying so, when that is none.
  std::optional<int> Take(Session& session, std::vector<Filter>& filters) const;

 private:
  Result<std::vector<Filter>> Parse() const;

  const CommandFlags& flags_;
  KeyValues filters_;
  std::string words_;
};

/// kExitUsage, after saying so, when a file would be written to a terminal.
std::optional<int> RefuseTerminal(const CommandFlags& flags, const std::string& output,
                                  Session& session);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_COMMAND_FLAGS_H_
