// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SCHEMA_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SCHEMA_H_

#include <string_view>

#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"
#include "engines/postgres/postgres_location.h"

namespace embeddingsdb {

/// Of tables that hold records. A row stays in one piece as long as it fits a page, a vector of
/// up to about 1,900 elements with it: else each vector is looked up in a second table.
inline constexpr std::string_view kPostgresRowStorage = "toast_tuple_target = 8160";

/// Makes the schema and its tables when they are not there, in one transaction that others who open
/// the database wait for, and adds pgvector where the server has it and the user may. Nothing of
/// that is done for a database that is opened read-only: kNotFound when the tables are not there.
/// kFailedPrecondition for tables of a newer version of this program.
Status OpenPostgresSchema(PostgresConnection& connection, const PostgresLocation& location);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SCHEMA_H_
