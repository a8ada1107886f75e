// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CLI_DATABASE_URIS_H_
#define EMBEDDINGSDB_CLI_DATABASE_URIS_H_

#include <span>
#include <string>

namespace embeddingsdb {

/// The one URI that the values of -database-uri stand for: a single one itself, several as
/// multi://?database=URI&database=URI, in their order. Empty when there are none.
std::string JoinDatabaseUris(std::span<const std::string> uris);

/// The URI of a client that opens a database in this process.
std::string DatabaseClientUri(const std::string& database_uri);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_DATABASE_URIS_H_
