// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_location.h"

#include <array>
#include <string_view>

#include "embeddingsdb/limits.h"

#include "core/secret.h"
#include "core/text.h"
#include "core/uri_parts.h"

namespace embeddingsdb {
namespace {

constexpr auto kOwnOptions = std::to_array<std::string_view>(
    {"schema", "host", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect-timeout",
     "statement-timeout", "password-uri", "bulk"});
// These are handed on to libpq, which knows what they may be.
constexpr auto kTlsOptions =
    std::to_array<std::string_view>({"sslmode", "sslrootcert", "sslcert", "sslkey"});
constexpr auto kBulks = std::to_array<std::string_view>({"copy", "insert"});

constexpr std::string_view kDefaultSchema = "embeddingsdb";
constexpr std::size_t kMaxIdentifierBytes = 63;  // PostgreSQL would cut what is longer

Status ReadUser(const Uri& uri, PostgresLocation& location) {
  uri_internal::Parts parts;
  // What was parsed once parses again; only here the user's name and password are to be had.
  if (!uri_internal::ParseParts(uri.Serialize(), parts).empty() || parts.userinfo.empty()) {
    return {};
  }
  const std::size_t colon = parts.userinfo.find(':');
  std::string user;
  if (!uri_internal::PercentDecode(parts.userinfo.substr(0, colon), false, user)) {
    return InvalidArgumentError("the user of the URI has a bad percent escape");
  }
  if (!user.empty()) {
    location.parameters.emplace_back("user", user);
  }
  if (colon != std::string::npos &&
      !uri_internal::PercentDecode(parts.userinfo.substr(colon + 1), false, location.password)) {
    return InvalidArgumentError("the password of the URI has a bad percent escape");
  }
  return {};
}

Status ReadPassword(const Uri& uri, Env& env, PostgresLocation& location) {
  const std::optional<std::string> secret = uri.Option("password-uri");
  if (!secret) {
    return {};
  }
  if (!location.password.empty()) {
    return InvalidArgumentError("the URI has a password and a password-uri; one is enough");
  }
  Result<std::string> password = ReadSecret(*secret, env);
  if (!password.ok()) {
    return password.status().WithContext("URI option password-uri");
  }
  // Files end with a newline that nobody means.
  while (password->ends_with('\n') || password->ends_with('\r')) {
    password->pop_back();
  }
  location.password = *std::move(password);
  return {};
}

Status ReadServer(const Uri& uri, PostgresLocation& location) {
  const std::optional<std::string> host = uri.Option("host");
  if (host && !uri.host().empty()) {
    return InvalidArgumentError("the URI has a host and an option host; one is enough");
  }
  const std::string& name = host ? *host : uri.host();
  if (!name.empty()) {
    location.parameters.emplace_back("host", name);
  }
  if (const std::optional<std::uint16_t> port = uri.port()) {
    location.parameters.emplace_back("port", std::to_string(*port));
  }
  if (const std::string& path = uri.path(); path.size() > 1) {
    location.parameters.emplace_back("dbname", path.substr(1));
  }
  for (const std::string_view tls : kTlsOptions) {
    if (const std::optional<std::string> value = uri.Option(tls)) {
      location.parameters.emplace_back(tls, *value);
    }
  }
  EDB_ASSIGN(const std::int64_t connect,
             uri.IntOption("connect-timeout", kPostgresConnectSeconds, 2, kMaxPostgresSeconds));
  location.parameters.emplace_back("connect_timeout", std::to_string(connect));
  return {};
}

}  // namespace

Result<PostgresLocation> PostgresLocation::FromUri(const Uri& uri, Env& env) {
  PostgresLocation location;
  EDB_ASSIGN(location.options, EngineOptions::FromUri(uri, kOwnOptions));
  EDB_TRY(ReadServer(uri, location));
  EDB_TRY(ReadUser(uri, location));
  EDB_TRY(ReadPassword(uri, env, location));
  location.schema = uri.Option("schema").value_or(std::string(kDefaultSchema));
  EDB_TRY(ValidateName("URI option schema", location.schema, kMaxIdentifierBytes));
  EDB_ASSIGN(const std::int64_t statement,
             uri.IntOption("statement-timeout", kPostgresStatementSeconds, 0, kMaxPostgresSeconds));
  location.statement_seconds = static_cast<int>(statement);
  EDB_ASSIGN(const std::size_t bulk, uri.EnumOption("bulk", kBulks, 0));
  location.bulk = static_cast<PostgresBulk>(bulk);
  return location;
}

}  // namespace embeddingsdb
