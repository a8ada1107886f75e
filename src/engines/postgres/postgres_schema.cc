// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_schema.h"

#include <string>

#include "core/text.h"
#include "engines/postgres/postgres_transaction.h"

namespace embeddingsdb {
namespace {

// The number of what Tables() makes; a later one comes with a step that changes tables of this one.
constexpr std::int64_t kFormat = 1;

// Texts compare by their bytes (COLLATE "C"), as they do on every engine. json keeps the text as it
// is. revision counts how often a record was written since it is there: 1 is a new one.
// Vectors do not become smaller by packing, so nobody tries (EXTERNAL).
std::string Tables() {
  return Concat(R"sql(
CREATE TABLE meta (
  name text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL);
CREATE TABLE models (
  model text COLLATE "C" PRIMARY KEY,
  dimension integer NOT NULL);
CREATE TABLE records (
  provider text COLLATE "C" NOT NULL,
  depiction_id text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  embedding real[] NOT NULL,
  created bigint NOT NULL,
  attributes json NOT NULL,
  lastmodified bigint NOT NULL,
  revision bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (model, provider, depiction_id)) WITH ()sql",
                kPostgresRowStorage, R"sql();
ALTER TABLE records ALTER COLUMN embedding SET STORAGE EXTERNAL;
CREATE INDEX records_list ON records (subject_id, depiction_id, model, provider);
INSERT INTO meta VALUES ('format', 1), ('last_update', 0);
)sql");
}

/// Asked for by its name: what the path leads to may be another schema's.
Result<bool> HasTables(PostgresConnection& connection, const std::string& schema) {
  PostgresParams name;
  name.Text(schema);
  EDB_ASSIGN(const PostgresResult found,
             connection.Query("SELECT to_regclass(quote_ident($1) || '.meta') IS NOT NULL", name));
  return found.Bool(0, 0);
}

Status MakeTables(PostgresConnection& connection, const std::string& schema) {
  PostgresTransaction transaction(connection);
  EDB_TRY(transaction.BeginWrite());
  // Who opens it at the same time waits here, and then finds the tables.
  PostgresParams name;
  name.Text(schema);
  EDB_TRY(
      connection
          .Query("SELECT pg_advisory_xact_lock(hashtextextended('embeddingsdb.' || $1, 0))", name)
          .status());
  EDB_ASSIGN(const bool made, HasTables(connection, schema));
  if (made) {
    return {};
  }
  EDB_ASSIGN(const PostgresResult quoted,
             connection.Query("SELECT quote_ident($1), EXISTS (SELECT 1 FROM pg_namespace"
                              " WHERE nspname = $1)",
                              name));
  if (!quoted.Bool(0, 1)) {
    EDB_TRY(connection.Execute(Concat("CREATE SCHEMA ", quoted.Text(0, 0))).status());
  }
  EDB_TRY(connection.Execute(Tables()).status());
  return transaction.Commit();
}

Status CheckFormat(PostgresConnection& connection, const std::string& schema) {
  EDB_ASSIGN(const PostgresResult format,
             connection.Query("SELECT value FROM meta WHERE name = 'format'"));
  if (format.rows() == 0) {
    return FailedPreconditionError(
        Concat("schema ", Quote(schema), " has a table meta that is not ours"));
  }
  EDB_ASSIGN(const std::int64_t found, format.Integer(0, 0));
  if (found != kFormat) {
    return FailedPreconditionError(Concat("schema ", Quote(schema), " has format ", found,
                                          ", this version of embeddingsdb reads ", kFormat));
  }
  return {};
}

/// Without it everything works but searches by an index, so failing is no error.
Status AddVectorExtension(PostgresConnection& connection, const PostgresLocation& location) {
  if (connection.vector_version() != 0) {
    return {};
  }
  EDB_ASSIGN(const PostgresResult available,
             connection.Query("SELECT count(*) FROM pg_available_extensions"
                              " WHERE name = 'vector'"));
  EDB_ASSIGN(const std::int64_t count, available.Integer(0, 0));
  if (count == 0) {
    return {};
  }
  connection.Execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
      .status()
      .IgnoreError("the user may not, or somebody else just has: the session will tell");
  if (connection.lost()) {
    return UnavailableError("PostgreSQL: the connection was lost");
  }
  return connection.SetUpSession(location);
}

}  // namespace

Status OpenPostgresSchema(PostgresConnection& connection, const PostgresLocation& location) {
  EDB_ASSIGN(const bool there, HasTables(connection, location.schema));
  if (!there && location.options.read_only) {
    return NotFoundError(Concat("schema ", Quote(location.schema),
                                " has no tables of embeddingsdb, and read-only makes none"));
  }
  if (!location.options.read_only) {
    EDB_TRY(there ? Status() : MakeTables(connection, location.schema));
    EDB_TRY(AddVectorExtension(connection, location));
  }
  return CheckFormat(connection, location.schema);
}

}  // namespace embeddingsdb
