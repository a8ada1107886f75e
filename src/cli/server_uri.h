// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CLI_SERVER_URI_H_
#define EMBEDDINGSDB_CLI_SERVER_URI_H_

#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// The server's URI with {database} and {token} filled in; several databases become one multi://
/// URI. Where go-embeddingsdb turns an absent
/// -token-uri into an empty token that no client can send, here the parameter is left out.
/// kInvalidArgument when {database} has no database, and when a database or a token is given that
/// the URI has no place for, because the server would run without it. Messages show no secret.
Result<std::string> FillServerUri(std::string_view server_uri,
                                  std::span<const std::string> database_uris,
                                  std::string_view token_uri);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_SERVER_URI_H_
