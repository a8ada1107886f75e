// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/key_list.h"

#include <algorithm>
#include <utility>

#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "core/uri_parts.h"

namespace embeddingsdb {
namespace {

/// The parts of a key, or not three of them for what is none.
std::vector<std::string> PartsOf(std::string_view text) {
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    const std::size_t at = text.find('/');
    more = at != std::string_view::npos;
    if (!uri_internal::PercentDecode(text.substr(0, at), false, parts.emplace_back())) {
      return {};
    }
    text.remove_prefix(more ? at + 1 : text.size());
  }
  return parts;
}

Result<Key> KeyFromText(std::string_view text, std::string_view field) {
  std::vector<std::string> parts = PartsOf(text);
  Key key;
  if (parts.size() == 3) {
    key = {.provider = std::move(parts[0]),
           .depiction_id = std::move(parts[1]),
           .model = std::move(parts[2])};
  }
  if (!ValidateKey(key).ok()) {
    return InvalidArgumentError(
        Concat(field, " holds ", Quote(text), ", which is not PROVIDER/DEPICTION/MODEL"));
  }
  return key;
}

}  // namespace

std::string KeysToText(std::span<const Key> keys) {
  std::string text;
  for (const Key& key : keys) {
    text += Concat(text.empty() ? "" : " ", PercentEncode(key.provider), "/",
                   PercentEncode(key.depiction_id), "/", PercentEncode(key.model));
  }
  return text;
}

Result<std::vector<Key>> KeysFromText(std::string_view text, const KeyListRules& rules) {
  std::vector<Key> keys;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find(' '), text.size());
    if (keys.size() == rules.limit) {
      return InvalidArgumentError(Concat(rules.field, " has more than ", rules.limit, " records"));
    }
    EDB_ASSIGN(Key key, KeyFromText(text.substr(0, at), rules.field));
    keys.push_back(std::move(key));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return keys;
}

}  // namespace embeddingsdb
