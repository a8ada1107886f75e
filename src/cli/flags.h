// SPDX-License-Identifier: BSD-3-Clause
//
// FlagSet: command line flags by the rules of Go's flag package, which the users of go-embeddingsdb
// and their scripts know: -name value, -name=value and --name mean the same, booleans need no
// value, parsing stops at the first argument that is no flag or after "--".
#ifndef EMBEDDINGSDB_CLI_FLAGS_H_
#define EMBEDDINGSDB_CLI_FLAGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Values of a KEY=VALUE flag in the order given.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

/// What a help text says beside the flags.
struct Usage {
  std::string summary;   ///< one sentence: what the command does
  std::string synopsis;  ///< the command line, e.g. "parquet-import [flags] FILE..."
  std::string examples;  ///< complete command lines, one a line
  std::string notes;     ///< anything else a user must know; may be empty
};

/// The flags of one command. Each flag is bound to a variable, whose value at the time of Add is
/// the default; the variables must outlive Parse. Used by one thread.
class FlagSet {
 public:
  explicit FlagSet(Usage usage) : usage_(std::move(usage)) {}
  FlagSet(const FlagSet&) = delete;
  FlagSet& operator=(const FlagSet&) = delete;
  ~FlagSet() = default;

  /// Declares a flag. A word of `help` in backquotes names the value in the usage text, as in Go.
  void Add(std::string_view name, std::string& value, std::string_view help);
  void Add(std::string_view name, int& value, std::string_view help);
  void Add(std::string_view name, std::int64_t& value, std::string_view help);
  void Add(std::string_view name, float& value, std::string_view help);
  void Add(std::string_view name, bool& value, std::string_view help);
  /// May be repeated; every use adds a value, taken whole (no splitting at commas).
  void Add(std::string_view name, std::vector<std::string>& values, std::string_view help);
  /// May be repeated; KEY=VALUE, split at the first '=', spaces around both trimmed.
  void Add(std::string_view name, KeyValues& values, std::string_view help);

  /// Sets the variables. kCancelled when -h or -help asks for the usage; kInvalidArgument, naming
  /// the flag, for an unknown flag (and the nearest known one), a missing or a bad value.
  Status Parse(std::span<const std::string> args);

  /// What follows the flags. Valid after Parse.
  const std::vector<std::string>& rest() const { return rest_; }
  /// True when the command line named the flag.
  bool given(std::string_view name) const;

  /// Summary, synopsis, flags in alphabetical order with their defaults, notes and examples.
  void PrintUsage(std::ostream& out) const;

 private:
  struct Flag {
    std::string help;
    std::string_view type;     // shown after the name, empty for a boolean
    std::string default_text;  // empty for a zero value
    bool boolean = false;
    bool given = false;
    std::function<Status(const std::string& value)> set;
  };

  void Declare(std::string_view name, Flag flag);
  Result<bool> ParseOne(std::span<const std::string> args, std::size_t& position);
  Status Set(std::string_view name, Flag& flag, const std::string& value);
  Status UnknownFlag(std::string_view name) const;

  Usage usage_;
  std::map<std::string, Flag, std::less<>> flags_;
  std::vector<std::string> rest_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_FLAGS_H_
