// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/http.h"

#include <algorithm>

#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "core/uri_parts.h"

namespace embeddingsdb {
namespace {

Result<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  if (!uri_internal::PercentDecode(text, plus_is_space, decoded) || !IsValidUtf8(decoded)) {
    return InvalidArgumentError(Concat("the address holds ", Quote(text), ", which is no text"));
  }
  return decoded;
}

/// Cuts `text` before the first `separator` and returns what was there.
std::string_view Take(std::string_view& text, char separator) {
  const std::size_t at = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

}  // namespace

Result<Target> Target::Parse(std::string_view text) {
  if (!text.starts_with('/')) {
    return InvalidArgumentError("the address does not begin with a slash");
  }
  Target target;
  std::string_view path = text.substr(0, text.find('?'));
  target.query_ = text.substr(path.size());
  target.ends_with_slash_ = path.ends_with('/');
  path.remove_prefix(1);
  while (!path.empty()) {
    EDB_ASSIGN(std::string segment, Decode(Take(path, '/'), false));
    target.segments_.push_back(std::move(segment));
  }
  std::string_view query = std::string_view(target.query_).substr(target.query_.empty() ? 0 : 1);
  while (!query.empty()) {
    std::string_view value = Take(query, '&');
    EDB_ASSIGN(std::string name, Decode(Take(value, '='), true));
    EDB_ASSIGN(std::string decoded, Decode(value, true));
    EDB_TRY(target.Add(std::move(name), std::move(decoded)));
  }
  return target;
}

Status Target::Add(std::string name, std::string value) {
  if (!IsValidUtf8(name) || !IsValidUtf8(value)) {
    return InvalidArgumentError(Concat("the field ", Quote(name), " is no text"));
  }
  if (std::ranges::find(parameters_, name, [](const auto& pair) { return pair.first; }) !=
      parameters_.end()) {
    return InvalidArgumentError(Concat("the parameter ", Quote(name), " is given twice"));
  }
  parameters_.emplace_back(std::move(name), std::move(value));
  return {};
}

std::optional<std::string> Target::Parameter(std::string_view name) const {
  for (const auto& [known, value] : parameters_) {
    if (known == name && !value.empty()) {
      return value;
    }
  }
  return std::nullopt;
}

std::string QueryOf(const Parameters& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) {
      query += Concat(query.empty() ? "?" : "&", name, "=", PercentEncode(value));
    }
  }
  return query;
}

}  // namespace embeddingsdb
