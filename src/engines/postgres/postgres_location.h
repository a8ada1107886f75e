// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_LOCATION_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_LOCATION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"
#include "engines/database_base.h"

namespace embeddingsdb {

/// How many records come in at once.
enum class PostgresBulk : std::uint8_t {
  kCopy,    ///< by COPY
  kInsert,  ///< by INSERT alone, for servers without COPY
};

/// Where the database is and how sessions there are set up, as the URI says.
struct PostgresLocation {
  EngineOptions options;
  /// libpq's names of parameters and their values; the password is not among them.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string password;  ///< empty: libpq looks into PGPASSWORD and ~/.pgpass
  std::string schema;
  int statement_seconds = 0;  ///< 0: no limit
  PostgresBulk bulk = PostgresBulk::kCopy;

  /// kInvalidArgument names the option that is wrong; whatever ReadSecret says of the password.
  static Result<PostgresLocation> FromUri(const Uri& uri, Env& env);
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_LOCATION_H_
