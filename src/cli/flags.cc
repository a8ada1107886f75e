// SPDX-License-Identifier: BSD-3-Clause
#include "cli/flags.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

#include "embeddingsdb/uri.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kIndent = "\n    \t";

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Removes the base prefix of a Go integer literal ("0x", "0b", "0o", or a leading 0) and says which
// base it stands for.
int TakeBase(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') {
    return 10;
  }
  int base = 8;
  std::size_t prefix = 2;
  switch (digits[1]) {
    case 'x':
    case 'X':
      base = 16;
      break;
    case 'b':
    case 'B':
      base = 2;
      break;
    case 'o':
    case 'O':
      break;
    default:
      prefix = 1;
  }
  digits.remove_prefix(prefix);
  return base;
}

// Go lets underscores separate the digits of a literal that has a base prefix.
std::optional<std::string> RemoveUnderscores(std::string_view digits, bool prefixed) {
  std::string out;
  char before = prefixed ? '0' : '_';
  for (const char c : digits) {
    if (c == '_' && (before == '_' || !prefixed)) {
      return std::nullopt;
    }
    if (c != '_') {
      out += c;
    }
    before = c;
  }
  if (before == '_') {
    return std::nullopt;
  }
  return out;
}

Status NotAnInteger() {
  return InvalidArgumentError("not an integer");
}

template <typename Int>
Status ParseInteger(const std::string& text, Int& value) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) {
    digits.remove_prefix(1);
  }
  const int base = TakeBase(digits);
  const std::optional<std::string> plain = RemoveUnderscores(digits, base != 10);
  if (!plain) {
    return NotAnInteger();
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(plain->data(), plain->data() + plain->size(), magnitude, base);
  if (error == std::errc::invalid_argument || end != plain->data() + plain->size()) {
    return NotAnInteger();
  }
  const auto limit = static_cast<std::uint64_t>(std::numeric_limits<Int>::max()) + negative;
  if (error != std::errc() || magnitude > limit) {
    return InvalidArgumentError(Concat("out of range (", std::numeric_limits<Int>::min(), " to ",
                                       std::numeric_limits<Int>::max(), ")"));
  }
  value = static_cast<Int>(negative ? 0 - magnitude : magnitude);
  return {};
}

Status ParseFloat(const std::string& text, float& value) {
  std::string_view digits = text;
  if (digits.starts_with('+')) {
    digits.remove_prefix(1);
  }
  float parsed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
  if (error == std::errc::result_out_of_range) {
    return InvalidArgumentError("out of range of a 32-bit float");
  }
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return InvalidArgumentError("not a number");
  }
  if (!std::isfinite(parsed)) {
    return InvalidArgumentError("not a finite number");
  }
  value = parsed;
  return {};
}

Status ParseBool(const std::string& text, bool& value) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  for (const std::string_view word : kTrue) {
    if (text == word) {
      return value = true, Status();
    }
  }
  for (const std::string_view word : kFalse) {
    if (text == word) {
      return value = false, Status();
    }
  }
  return InvalidArgumentError("not a boolean (true or false)");
}

Status ParseKeyValue(const std::string& text, KeyValues& values) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) {
    return InvalidArgumentError("not KEY=VALUE");
  }
  const std::string_view view = text;
  const std::string_view key = Trim(view.substr(0, equals));
  if (key.empty()) {
    return InvalidArgumentError("the key before '=' is empty");
  }
  values.emplace_back(key, Trim(view.substr(equals + 1)));
  return {};
}

}  // namespace

void FlagSet::Declare(std::string_view name, Flag flag) {
  flags_.emplace(name, std::move(flag));
}

void FlagSet::Add(std::string_view name, std::string& value, std::string_view help) {
  Declare(name, {.help = std::string(help),
                 .type = "string",
                 .default_text = value.empty() ? "" : Quote(value),
                 .set = [&value](const std::string& text) { return value = text, Status(); }});
}

void FlagSet::Add(std::string_view name, int& value, std::string_view help) {
  Declare(name, {.help = std::string(help),
                 .type = "int",
                 .default_text = value == 0 ? "" : std::to_string(value),
                 .set = [&value](const std::string& text) { return ParseInteger(text, value); }});
}

void FlagSet::Add(std::string_view name, std::int64_t& value, std::string_view help) {
  Declare(name, {.help = std::string(help),
                 .type = "int",
                 .default_text = value == 0 ? "" : std::to_string(value),
                 .set = [&value](const std::string& text) { return ParseInteger(text, value); }});
}

void FlagSet::Add(std::string_view name, float& value, std::string_view help) {
  Declare(name, {.help = std::string(help),
                 .type = "float",
                 .default_text = value == 0 ? "" : FormatFloat(value),
                 .set = [&value](const std::string& text) { return ParseFloat(text, value); }});
}

void FlagSet::Add(std::string_view name, bool& value, std::string_view help) {
  Declare(name, {.help = std::string(help),
                 .default_text = value ? "true" : "",
                 .boolean = true,
                 .set = [&value](const std::string& text) { return ParseBool(text, value); }});
}

void FlagSet::Add(std::string_view name, std::vector<std::string>& values, std::string_view help) {
  Declare(name,
          {.help = std::string(help), .type = "value", .set = [&values](const std::string& text) {
             values.push_back(text);
             return Status();
           }});
}

void FlagSet::Add(std::string_view name, KeyValues& values, std::string_view help) {
  Declare(name,
          {.help = std::string(help), .type = "value", .set = [&values](const std::string& text) {
             return ParseKeyValue(text, values);
           }});
}

Status FlagSet::Parse(std::span<const std::string> args) {
  std::size_t position = 0;
  while (position < args.size()) {
    EDB_ASSIGN(const bool was_flag, ParseOne(args, position));
    if (!was_flag) {
      break;
    }
  }
  rest_.assign(args.begin() + static_cast<std::ptrdiff_t>(position), args.end());
  return {};
}

// Reads the flag at `position` and moves past it and its value. False at the end of the flags.
Result<bool> FlagSet::ParseOne(std::span<const std::string> args, std::size_t& position) {
  const std::string& arg = args[position];
  if (arg.size() < 2 || arg[0] != '-') {
    return false;
  }
  ++position;
  if (arg == "--") {
    return false;
  }

  std::string_view name = std::string_view(arg).substr(arg[1] == '-' ? 2 : 1);
  if (name.starts_with('-') || name.starts_with('=')) {
    return InvalidArgumentError(Concat("bad flag syntax: ", Quote(arg)));
  }
  std::optional<std::string> value;
  if (const auto equals = name.find('='); equals != std::string_view::npos) {
    value = name.substr(equals + 1);
    name = name.substr(0, equals);
  }
  const auto found = flags_.find(name);
  if (found == flags_.end()) {
    if (name == "h" || name == "help") {
      return CancelledError("help requested");
    }
    return UnknownFlag(name);
  }
  Flag& flag = found->second;
  if (!value && flag.boolean) {
    value = "true";
  }
  if (!value) {
    if (position == args.size()) {
      return InvalidArgumentError(Concat("flag needs an argument: -", name));
    }
    value = args[position++];
  }
  EDB_TRY(Set(name, flag, *value));
  return true;
}

Status FlagSet::Set(std::string_view name, Flag& flag, const std::string& value) {
  flag.given = true;
  const Status status = flag.set(value);
  if (status.ok()) {
    return {};
  }
  return status.WithContext(Concat("invalid value ", Quote(value), " for flag -", name));
}

Status FlagSet::UnknownFlag(std::string_view name) const {
  std::vector<std::string_view> known;
  known.reserve(flags_.size());
  for (const auto& [flag_name, flag] : flags_) {
    known.push_back(flag_name);
  }
  std::string message = Concat("flag provided but not defined: -", name);
  if (const std::string_view nearest = NearestName(name, known); !nearest.empty()) {
    message += Concat(" (did you mean -", nearest, "?)");
  }
  return InvalidArgumentError(std::move(message));
}

bool FlagSet::given(std::string_view name) const {
  const auto found = flags_.find(name);
  return found != flags_.end() && found->second.given;
}

void FlagSet::PrintUsage(std::ostream& out) const {
  out << usage_.summary << "\n\nUsage:\n  " << usage_.synopsis << "\n";
  if (!flags_.empty()) {
    out << "\nFlags:\n";
  }
  for (const auto& [name, flag] : flags_) {
    std::string help = flag.help;
    std::string type(flag.type);
    if (const auto open = help.find('`'); open != std::string::npos) {
      const auto close = help.find('`', open + 1);
      type = help.substr(open + 1, close - open - 1);
      help.erase(close, 1).erase(open, 1);
    }
    for (auto line = help.find('\n'); line != std::string::npos; line = help.find('\n', line)) {
      help.replace(line, 1, kIndent);
      line += kIndent.size();
    }
    out << "  -" << name << (type.empty() ? "" : " ") << type << kIndent << help;
    if (!flag.default_text.empty()) {
      out << " (default " << flag.default_text << ")";
    }
    out << "\n";
  }
  if (!usage_.notes.empty()) {
    out << "\n" << usage_.notes << "\n";
  }
  if (!usage_.examples.empty()) {
    out << "\nExamples:\n" << usage_.examples << "\n";
  }
}

}  // namespace embeddingsdb
