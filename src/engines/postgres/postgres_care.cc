// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_care.h"

#include <map>
#include <string>

#include "core/text.h"
#include "engines/postgres/postgres_cursor.h"
#include "engines/postgres/postgres_reader.h"
#include "engines/postgres/postgres_rows.h"
#include "engines/verify_problems.h"

namespace embeddingsdb {
namespace {

constexpr int kVerifyBatch = 256;

/// The lengths that vectors should have, by model.
Result<std::map<std::string, std::int64_t>> ModelLengths(PostgresConnection& connection) {
  EDB_ASSIGN(const PostgresResult found, connection.Query("SELECT model, dimension FROM models"));
  std::map<std::string, std::int64_t> lengths;
  for (int row = 0; row < found.rows(); ++row) {
    EDB_ASSIGN(lengths[std::string(found.Text(row, 0))], found.Integer(row, 1));
  }
  return lengths;
}

/// What is wrong with a record; empty when nothing is.
std::string ProblemOf(const Record& record, const std::map<std::string, std::int64_t>& lengths) {
  if (const Status status = Validate(record); !status.ok()) {
    return status.message();
  }
  const auto length = lengths.find(record.key.model);
  if (length == lengths.end()) {
    return "its model is not in the table of models";
  }
  if (static_cast<std::int64_t>(record.embedding.size()) != length->second) {
    return Concat("its vector has ", record.embedding.size(), " elements, those of its model have ",
                  length->second);
  }
  return {};
}

Status AddModels(PostgresConnection& connection, Metric metric, DatabaseStats& stats) {
  PostgresParams params;
  params.Text(MetricName(metric));
  EDB_ASSIGN(const PostgresResult found,
             connection.Query(
                 "SELECT m.model, m.dimension, g.records, g.providers,"
                 " coalesce(pg_relation_size((SELECT indexrelid FROM pg_index WHERE indisvalid AND"
                 " indexrelid = to_regclass('hnsw_' || $1 || '_' || m.dimension || '_' ||"
                 " to_hex(hashtextextended(m.model, 0))))), -1)"
                 " FROM models m JOIN (SELECT model, count(*) AS records,"
                 " count(DISTINCT provider) AS providers FROM records GROUP BY model) AS g"
                 " ON g.model = m.model ORDER BY m.model",
                 params));
  for (int row = 0; row < found.rows(); ++row) {
    ModelStats& model = stats.models.emplace_back();
    model.name = found.Text(row, 0);
    EDB_ASSIGN(const std::int64_t dimension, found.Integer(row, 1));
    model.dimension = static_cast<int>(dimension);
    EDB_ASSIGN(model.records, found.Integer(row, 2));
    EDB_ASSIGN(model.providers, found.Integer(row, 3));
    EDB_ASSIGN(const std::int64_t bytes, found.Integer(row, 4));
    model.metric = metric;
    model.precision = Precision::kF32;
    if (bytes < 0) {
      model.tail_rows = model.records;
    } else {
      model.search = SearchKind::kHnsw;
      model.graph_rows = model.records;
      model.file_rows = model.records;
      model.file_bytes = bytes;
    }
    stats.records += model.records;
  }
  return {};
}

}  // namespace

Result<DatabaseStats> PostgresStats(PostgresConnection& connection, Metric metric) {
  DatabaseStats stats;
  EDB_TRY(AddModels(connection, metric, stats));
  EDB_ASSIGN(stats.last_update, PostgresLastUpdate(connection));
  EDB_ASSIGN(stats.files, PostgresSizes(connection));
  stats.facts = {{"server_version", connection.server_version()},
                 {"pgvector_version", connection.vector_version()}};
  return stats;
}

Result<FileSizes> PostgresSizes(PostgresConnection& connection) {
  EDB_ASSIGN(
      const PostgresResult found,
      connection.Query("SELECT pg_total_relation_size('records'),"
                       " coalesce((SELECT sum(pg_relation_size(c.oid)) FROM pg_index i"
                       " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid ="
                       " 'records'::regclass AND c.relname LIKE 'hnsw\\_%'), 0)::bigint,"
                       " pg_total_relation_size('models') + pg_total_relation_size('meta')"));
  FileSizes sizes;
  EDB_ASSIGN(const std::int64_t all, found.Integer(0, 0));
  EDB_ASSIGN(sizes.index, found.Integer(0, 1));
  EDB_ASSIGN(sizes.other, found.Integer(0, 2));
  sizes.records = all - sizes.index;
  return sizes;
}

Result<VerifyReport> VerifyPostgres(PostgresConnection& connection) {
  EDB_ASSIGN(const auto lengths, ModelLengths(connection));
  VerifyReport report;
  VerifyProblems problems(report.problems);
  PostgresCursor cursor(connection);
  EDB_TRY(cursor.Declare(Concat("SELECT ", kPostgresRecord, " FROM records"), {}, kVerifyBatch));
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor.Next());
    if (!more) {
      problems.Finish();
      return report;
    }
    const Status read =
        ReadPostgresRecord(cursor.result(), cursor.row(), PostgresParts::kAll, record);
    if (!read.ok()) {
      problems.Add(read.message());
      continue;
    }
    ++report.records;
    if (const std::string problem = ProblemOf(record, lengths); !problem.empty()) {
      problems.Add(Concat(DisplayKey(record.key), ": ", problem));
    }
  }
}

Status CompactPostgres(PostgresConnection& connection) {
  EDB_ASSIGN(const PostgresResult users,
             connection.Query("SELECT coalesce(string_agg(DISTINCT pid::text, ', '), '')"
                              " FROM pg_locks WHERE locktype = 'relation' AND pid IS NOT NULL"
                              " AND database = (SELECT oid FROM pg_database WHERE datname ="
                              " current_database()) AND relation = 'records'::regclass"
                              " AND pid <> pg_backend_pid()"));
  if (!users.Text(0, 0).empty()) {
    return FailedPreconditionError(Concat("the records are being read or written by process ",
                                          users.Text(0, 0), " of the server"));
  }
  // Who comes in between is waited for, but not long: everybody else waits behind us.
  EDB_TRY(connection.Execute("SET lock_timeout = '5s'; SET statement_timeout = 0").status());
  return connection.Execute("VACUUM (FULL, ANALYZE) records").status();
}

}  // namespace embeddingsdb
