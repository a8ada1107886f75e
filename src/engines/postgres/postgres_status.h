// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_STATUS_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_STATUS_H_

#include <string_view>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// An error of PostgreSQL by its SQLSTATE. kAborted is what the same transaction may be spared when
/// it is tried again: it lost to another. `message` is the server's first line, which holds no
/// values.
Status PostgresError(std::string_view sqlstate, std::string_view message);

/// The SQLSTATE of a server that ends the connection by saying so, or of a session that has
/// forgotten what was prepared in it and so cannot be relied on.
bool EndsConnection(std::string_view sqlstate);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_STATUS_H_
