// SPDX-License-Identifier: BSD-3-Clause
#include "cli/server_uri.h"

#include "embeddingsdb/uri.h"

#include "cli/database_uris.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Replaces every query parameter `name` of `uri`, whatever its value, or removes it when `value` is
// empty. Works on the text: with its braces the URI is not one yet.
std::string ReplaceParameter(std::string_view uri, std::string_view name, std::string_view value) {
  const auto question = uri.find('?');
  if (question == std::string_view::npos) {
    return std::string(uri);
  }
  std::string out(uri.substr(0, question));
  char separator = '?';
  std::string_view rest = uri.substr(question + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view parameter = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const bool named = parameter.substr(0, parameter.find('=')) == name;
    if (named && value.empty()) {
      continue;
    }
    out += separator;
    out += named ? Concat(name, "=", PercentEncode(value)) : std::string(parameter);
    separator = '&';
  }
  return out;
}

}  // namespace

Result<std::string> FillServerUri(std::string_view server_uri,
                                  std::span<const std::string> database_uris,
                                  std::string_view token_uri) {
  const bool wants_database = server_uri.find("{database}") != std::string_view::npos;
  const bool wants_token = server_uri.find("{token}") != std::string_view::npos;
  const std::string database_uri = JoinDatabaseUris(database_uris);
  if (wants_database && database_uri.empty()) {
    return InvalidArgumentError("missing database URI: -database-uri is required");
  }
  if (!wants_database && !database_uris.empty()) {
    return InvalidArgumentError("-database-uri is given, but -server-uri has no {database}");
  }
  if (!wants_token && !token_uri.empty()) {
    return InvalidArgumentError("-token-uri is given, but -server-uri has no {token}");
  }
  std::string filled(server_uri);
  if (wants_database) {
    filled = ReplaceParameter(filled, "database-uri", database_uri);
  }
  if (wants_token) {
    filled = ReplaceParameter(filled, "token-uri", token_uri);
  }
  return filled;
}

}  // namespace embeddingsdb
