// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_vector.h"

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

// Ends the name of all indexes of a model, whose own name may be longer than names in SQL.
constexpr std::string_view kHash = "to_hex(hashtextextended($1, 0))";

std::string IndexPrefix(const PostgresIndexKind& kind) {
  return Concat("hnsw_", MetricName(kind.metric), "_", kind.dimension, "_");
}

struct IndexState {
  std::string name;
  bool there = false;
  bool valid = false;
};

Result<IndexState> FindIndex(PostgresConnection& connection, const std::string& model,
                             const PostgresIndexKind& kind) {
  PostgresParams params;
  params.Text(model);
  params.Text(IndexPrefix(kind));
  EDB_ASSIGN(const PostgresResult found,
             connection.Query(Concat("SELECT name, i.indexrelid IS NOT NULL,"
                                     " coalesce(i.indisvalid, false) FROM (SELECT $2 || ",
                                     kHash,
                                     " AS name) AS wanted"
                                     " LEFT JOIN pg_index i ON i.indexrelid = to_regclass(name)"),
                              params));
  return IndexState{std::string(found.Text(0, 0)), found.Bool(0, 1), found.Bool(0, 2)};
}

/// Without it the server takes a model for small and sorts, until autovacuum comes by.
Status Analyze(PostgresConnection& connection) {
  return connection.Execute("ANALYZE records").status();
}

}  // namespace

bool PostgresIndexKind::possible() const {
  return dimension <= kMaxHalfvecIndexColumns;
}

bool PostgresIndexKind::halves() const {
  return dimension > kMaxVectorIndexColumns;
}

std::string PostgresIndexKind::Cast(std::string_view parameter) const {
  return halves() ? Concat(parameter, "::halfvec(", dimension, ")")
                  : PostgresVectorCast(parameter, dimension);
}

std::string PostgresIndexKind::Expression() const {
  return Cast("embedding");
}

std::string_view PostgresIndexKind::Operator() const {
  switch (metric) {
    case Metric::kL2:
      return "<->";
    case Metric::kCosine:
      return "<=>";
    case Metric::kInnerProduct:
      break;
  }
  return "<#>";
}

std::string PostgresIndexKind::OperatorClass() const {
  return Concat(halves() ? "halfvec_" : "vector_", MetricName(metric), "_ops");
}

std::string PostgresVectorCast(std::string_view what, int dimension) {
  return Concat(what, "::vector(", dimension, ")");
}

Result<std::optional<PostgresModel>> FindPostgresModel(PostgresConnection& connection,
                                                       const std::string& model, Metric metric) {
  static const std::string sql = Concat(
      "SELECT dimension, EXISTS (SELECT 1 FROM pg_index WHERE indisvalid AND indexrelid ="
      " to_regclass('hnsw_' || $2 || '_' || dimension || '_' || ",
      kHash,
      ")) FROM models WHERE model = $1"
      " AND EXISTS (SELECT 1 FROM records WHERE model = $1)");
  PostgresParams params;
  params.Text(model);
  params.Text(MetricName(metric));
  EDB_ASSIGN(const PostgresResult found, connection.Prepared(sql, params));
  if (found.rows() == 0) {
    return std::optional<PostgresModel>();
  }
  EDB_ASSIGN(const std::int64_t dimension, found.Integer(0, 0));
  return std::optional(
      PostgresModel{.dimension = static_cast<int>(dimension), .indexed = found.Bool(0, 1)});
}

Status MakePostgresIndex(PostgresConnection& connection, const std::string& model,
                         const PostgresIndexKind& kind) {
  EDB_ASSIGN(const IndexState index, FindIndex(connection, model, kind));
  if (index.valid) {
    EDB_TRY(connection.Execute(Concat("REINDEX INDEX CONCURRENTLY ", index.name)).status());
    return Analyze(connection);
  }
  if (index.there) {  // whoever made it did not finish
    EDB_TRY(connection.Execute(Concat("DROP INDEX CONCURRENTLY ", index.name)).status());
  }
  // The one place where a text from outside is written into SQL: what an index holds cannot be a
  // parameter. libpq quotes it for this connection; all else is names and numbers of ours.
  EDB_ASSIGN(const std::string literal, connection.Literal(model));
  EDB_TRY(connection
              .Execute(Concat("CREATE INDEX CONCURRENTLY ", index.name, " ON records USING hnsw ((",
                              kind.Expression(), ") ", kind.OperatorClass(),
                              ") WHERE model = ", literal))
              .status());
  return Analyze(connection);
}

Status DropPostgresIndexes(PostgresConnection& connection, const std::string& model) {
  PostgresParams params;
  params.Text(model);
  EDB_ASSIGN(const PostgresResult found,
             connection.Query(Concat("SELECT c.relname FROM pg_index i JOIN pg_class c"
                                     " ON c.oid = i.indexrelid WHERE i.indrelid ="
                                     " to_regclass('records') AND c.relname LIKE"
                                     " 'hnsw\\_%\\_' || ",
                                     kHash, " || '%'"),
                              params));
  for (int row = 0; row < found.rows(); ++row) {
    EDB_TRY(connection.Execute(Concat("DROP INDEX ", found.Text(row, 0))).status());
  }
  return {};
}

}  // namespace embeddingsdb
