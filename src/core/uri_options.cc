// SPDX-License-Identifier: BSD-3-Clause
//
// The options of a Uri: typed access, and errors that say what was meant.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "core/uri_parts.h"

namespace embeddingsdb {
namespace {

std::string Join(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    out.append(out.empty() ? "" : ", ").append(name);
  }
  return out;
}

Status BadValue(std::string_view name, std::string_view value, std::string_view wanted) {
  const std::string shown = uri_internal::IsSecretOption(name) ? "***" : Quote(value);
  return InvalidArgumentError(Concat("URI option ", name, " is ", shown, ", it must be ", wanted));
}

/// Parses all of `text`, which may have a '+' in front as Go allows.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  Number value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<std::string> Uri::Option(std::string_view name) const {
  for (const auto& [key, value] : options_) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::vector<std::string> Uri::Options(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : options_) {
    if (key == name) {
      values.push_back(value);
    }
  }
  return values;
}

Result<std::int64_t> Uri::IntOption(std::string_view name, std::int64_t fallback, std::int64_t min,
                                    std::int64_t max) const {
  const std::optional<std::string> text = Option(name);
  if (!text) {
    return fallback;
  }
  const std::optional<std::int64_t> value = ParseNumber<std::int64_t>(*text);
  if (value && *value >= min && *value <= max) {
    return *value;
  }
  return BadValue(name, *text, Concat("a whole number from ", min, " to ", max));
}

Result<double> Uri::FloatOption(std::string_view name, double fallback) const {
  const std::optional<std::string> text = Option(name);
  if (!text) {
    return fallback;
  }
  const std::optional<double> value = ParseNumber<double>(*text);
  if (value && !std::isnan(*value)) {
    return *value;
  }
  return BadValue(name, *text, "a number");
}

Result<bool> Uri::BoolOption(std::string_view name, bool fallback) const {
  const std::optional<std::string> text = Option(name);
  if (!text) {
    return fallback;
  }
  const std::string lower = AsciiLower(*text);
  if (lower == "1" || lower == "t" || lower == "true") {
    return true;
  }
  if (lower == "0" || lower == "f" || lower == "false") {
    return false;
  }
  return BadValue(name, *text, "true or false");
}

Result<std::size_t> Uri::EnumOption(std::string_view name,
                                    std::span<const std::string_view> allowed,
                                    std::size_t fallback) const {
  const std::optional<std::string> text = Option(name);
  if (!text) {
    return fallback;
  }
  const auto found = std::find(allowed.begin(), allowed.end(), *text);
  if (found != allowed.end()) {
    return static_cast<std::size_t>(found - allowed.begin());
  }
  return BadValue(name, *text, Concat("one of ", Join(allowed)));
}

Status Uri::CheckOptions(std::span<const std::string_view> known,
                         std::span<const std::string_view> repeatable) const {
  const auto holds = [](std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& [name, value] : options_) {
    if (holds(known, name)) {
      const std::size_t times = Options(name).size();
      if (times == 1 || holds(repeatable, name)) {
        continue;
      }
      return InvalidArgumentError(
          Concat(scheme_, ":// has the URI option ", name, " ", times, " times, the limit is 1"));
    }
    const std::string_view nearest = NearestName(name, known);
    const std::string hint = !nearest.empty() ? Concat("did you mean ", nearest, "?")
                             : known.empty()  ? std::string("there are none")
                                              : Concat("the known ones are ", Join(known));
    return InvalidArgumentError(Concat(scheme_, ":// has no URI option ", Quote(name), ", ", hint));
  }
  return {};
}

void Uri::SetOption(std::string_view name, std::string_view value) {
  const auto named = [name](const auto& option) { return option.first == name; };
  const auto first = std::find_if(options_.begin(), options_.end(), named);
  if (first == options_.end()) {
    AddOption(name, value);
    return;
  }
  first->second.assign(value);
  options_.erase(std::remove_if(first + 1, options_.end(), named), options_.end());
}

void Uri::AddOption(std::string_view name, std::string_view value) {
  options_.emplace_back(name, value);
}

}  // namespace embeddingsdb
