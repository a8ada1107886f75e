// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SCHEMA_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SCHEMA_H_

#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"
#include "engines/postgres/postgres_location.h"

namespace embeddingsdb {

/// Makes the schema and its tables when they are not there, in one transaction that others who open
/// the database wait for, and adds pgvector where the server has it and the user may. Nothing of
/// that is done for a database that is opened read-only: kNotFound when the tables are not there.
/// kFailedPrecondition for tables of a newer version of this program.
Status OpenPostgresSchema(PostgresConnection& connection, const PostgresLocation& location);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SCHEMA_H_
