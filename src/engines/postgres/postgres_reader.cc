// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_reader.h"

#include <utility>

#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/facet_tally.h"
#include "engines/postgres/postgres_cursor.h"
#include "engines/postgres/postgres_rows.h"

namespace embeddingsdb {
namespace {

constexpr int kFieldBatch = 2'000;
constexpr std::string_view kListOrder = " ORDER BY subject_id, depiction_id, model, provider";

Result<std::int64_t> OneInteger(const Result<PostgresResult>& result) {
  EDB_TRY(result.status());
  return result->Integer(0, 0);
}

Result<std::vector<std::string>> OneColumn(const Result<PostgresResult>& result) {
  EDB_TRY(result.status());
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(result->rows()));
  for (int row = 0; row < result->rows(); ++row) {
    texts.emplace_back(result->Text(row, 0));
  }
  return texts;
}

/// Visits the fields of what matches all filters, words among them, in list order.
template <typename Visit>
Status VisitFields(PostgresConnection& connection, const std::vector<Filter>& filters,
                   const Visit& visit) {
  PostgresParams params;
  const std::string sql = Concat("SELECT ", kPostgresFields, " FROM records WHERE ",
                                 PostgresCondition(filters, params), kListOrder);
  PostgresCursor cursor(connection);
  EDB_TRY(cursor.Declare(sql, params, kFieldBatch));
  const RecordMatcher matcher(filters);
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor.Next());
    if (!more) {
      return {};
    }
    EDB_TRY(ReadPostgresRecord(cursor.result(), cursor.row(), PostgresParts::kFields, record));
    if (matcher.Matches(record)) {
      visit(record.key);
    }
  }
}

/// Adds the records to the page, in list order.
Status AppendToPage(const Result<PostgresResult>& result, RecordPage& page) {
  EDB_TRY(result.status());
  for (int row = 0; row < result->rows(); ++row) {
    EDB_TRY(ReadPostgresRecord(*result, row, PostgresParts::kAll, page.records.emplace_back()));
  }
  return {};
}

Status ListByWords(PostgresConnection& connection, const ListQuery& query, RecordPage& page) {
  const std::int64_t begin = (query.page - 1) * query.per_page;
  std::vector<std::string> providers;
  std::vector<std::string> depictions;
  std::vector<std::string> models;
  page.total = 0;
  EDB_TRY(VisitFields(connection, query.filters, [&](const Key& key) {
    if (page.total >= begin && page.total < begin + query.per_page) {
      providers.push_back(key.provider);
      depictions.push_back(key.depiction_id);
      models.push_back(key.model);
    }
    ++page.total;
  }));
  PostgresParams params;
  params.Texts(models);
  params.Texts(providers);
  params.Texts(depictions);
  return AppendToPage(
      connection.Query(Concat("SELECT ", kPostgresRecord,
                              " FROM records WHERE (model, provider, depiction_id) IN"
                              " (SELECT * FROM unnest($1, $2, $3))",
                              kListOrder),
                       params),
      page);
}

}  // namespace

Result<Record> PostgresGet(PostgresConnection& connection, const Key& key) {
  static const std::string sql =
      Concat("SELECT ", kPostgresRecord,
             " FROM records WHERE model = $1 AND provider = $2 AND depiction_id = $3");
  PostgresParams params;
  params.Text(key.model);
  params.Text(key.provider);
  params.Text(key.depiction_id);
  EDB_ASSIGN(const PostgresResult found, connection.Prepared(sql, params));
  if (found.rows() == 0) {
    return NotFoundError(Concat("record ", DisplayKey(key), " not found"));
  }
  Record record;
  EDB_TRY(ReadPostgresRecord(found, 0, PostgresParts::kAll, record));
  return record;
}

Result<std::int64_t> PostgresCount(PostgresConnection& connection,
                                   const std::vector<Filter>& filters) {
  if (AnyPostgresWords(filters)) {
    std::int64_t count = 0;
    EDB_TRY(VisitFields(connection, filters, [&](const Key& /*key*/) { ++count; }));
    return count;
  }
  PostgresParams params;
  const std::string condition = PostgresCondition(filters, params);
  return OneInteger(
      connection.Query(Concat("SELECT count(*) FROM records WHERE ", condition), params));
}

Status PostgresList(PostgresConnection& connection, const ListQuery& query, RecordPage& page) {
  page.records.clear();
  if (AnyPostgresWords(query.filters)) {
    return ListByWords(connection, query, page);
  }
  EDB_ASSIGN(page.total, PostgresCount(connection, query.filters));
  const std::int64_t begin = (query.page - 1) * query.per_page;
  if (begin >= page.total) {
    return {};
  }
  PostgresParams params;
  const std::string condition = PostgresCondition(query.filters, params);
  return AppendToPage(
      connection.Query(Concat("SELECT ", kPostgresRecord, " FROM records WHERE ", condition,
                              kListOrder, " LIMIT ", query.per_page, " OFFSET ", begin),
                       params),
      page);
}

Result<FacetCounts> PostgresFacets(PostgresConnection& connection, const FacetQuery& query) {
  PostgresParams params;
  std::string value(ColumnName(query.by));
  if (query.by == Column::kAttribute) {
    params.Text(query.attribute);
    value = Concat("attributes->>", params.Last());
  }
  const std::string condition = PostgresCondition(query.filters, params);
  EDB_ASSIGN(const PostgresResult groups,
             connection.Query(Concat("SELECT value, count(*) FROM (SELECT ", value,
                                     " AS value FROM records WHERE ", condition,
                                     ") AS matching WHERE value IS NOT NULL GROUP BY value"),
                              params));
  FacetTally tally(query);
  for (int row = 0; row < groups.rows(); ++row) {
    EDB_ASSIGN(const std::int64_t count, groups.Integer(row, 1));
    tally.Add(std::string(groups.Text(row, 0)), count);
  }
  return tally.Finish();
}

Result<std::optional<int>> PostgresDimension(PostgresConnection& connection,
                                             const std::string& model) {
  PostgresParams params;
  params.Text(model);
  EDB_ASSIGN(const PostgresResult found,
             connection.Prepared("SELECT dimension FROM models WHERE model = $1"
                                 " AND EXISTS (SELECT 1 FROM records WHERE model = $1)",
                                 params));
  if (found.rows() == 0) {
    return std::optional<int>();
  }
  EDB_ASSIGN(const std::int64_t dimension, found.Integer(0, 0));
  return std::optional(static_cast<int>(dimension));
}

Result<std::vector<int>> PostgresDimensions(PostgresConnection& connection) {
  EDB_ASSIGN(const PostgresResult found,
             connection.Query("SELECT DISTINCT dimension FROM models m WHERE EXISTS"
                              " (SELECT 1 FROM records r WHERE r.model = m.model) ORDER BY 1"));
  std::vector<int> dimensions;
  for (int row = 0; row < found.rows(); ++row) {
    EDB_ASSIGN(const std::int64_t dimension, found.Integer(row, 0));
    dimensions.push_back(static_cast<int>(dimension));
  }
  return dimensions;
}

Result<std::vector<std::string>> PostgresModels(PostgresConnection& connection,
                                                std::span<const std::string> providers) {
  PostgresParams params;
  params.Texts(providers);
  // One look into the index a model, however many records it has.
  return OneColumn(
      connection.Query(Concat("SELECT model FROM models m WHERE EXISTS (SELECT 1 FROM records r"
                              " WHERE r.model = m.model AND ",
                              providers.empty() ? "true" : "r.provider = ANY($1)", ") ORDER BY 1"),
                       params));
}

Result<std::vector<std::string>> PostgresProviders(PostgresConnection& connection,
                                                   std::span<const std::string> models) {
  PostgresParams params;
  params.Texts(models);
  return OneColumn(
      connection.Query(Concat("SELECT DISTINCT provider FROM records WHERE ",
                              models.empty() ? "true" : "model = ANY($1)", " ORDER BY 1"),
                       params));
}

Result<std::int64_t> PostgresLastUpdate(PostgresConnection& connection) {
  return OneInteger(connection.Prepared("SELECT value FROM meta WHERE name = 'last_update'", {}));
}

}  // namespace embeddingsdb
