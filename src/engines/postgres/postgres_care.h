// SPDX-License-Identifier: BSD-3-Clause
//
// Looking after the tables: what they take, whether they are sound, indexes and free room.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CARE_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CARE_H_

#include "embeddingsdb/care.h"
#include "embeddingsdb/index.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// These two expect a transaction that sees one moment.
Result<DatabaseStats> PostgresStats(PostgresConnection& connection, Metric metric);
Result<VerifyReport> VerifyPostgres(PostgresConnection& connection);

Result<FileSizes> PostgresSizes(PostgresConnection& connection);

/// Writes the table anew without what is gone. kFailedPrecondition, naming the server's processes,
/// while others read or write it: they would have to wait, and so would we.
Status CompactPostgres(PostgresConnection& connection);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CARE_H_
