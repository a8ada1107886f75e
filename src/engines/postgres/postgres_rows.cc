// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_rows.h"

#include <algorithm>

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {

Result<Attributes> ReadPostgresAttributes(std::string_view json, const Key& key) {
  Result<Attributes> attributes = AttributesFromJson(json);
  if (!attributes.ok()) {
    return DataLossError(
        Concat("record ", DisplayKey(key), ": attributes: ", attributes.status().message()));
  }
  return attributes;
}

Status ReadPostgresRecord(const PostgresResult& result, int row, PostgresParts parts,
                          Record& record) {
  record.key.provider = result.Text(row, 0);
  record.key.depiction_id = result.Text(row, 1);
  record.key.model = result.Text(row, 2);
  record.subject_id = result.Text(row, 3);
  EDB_ASSIGN(record.created, result.Integer(row, 4));
  EDB_ASSIGN(record.attributes, ReadPostgresAttributes(result.Text(row, 5), record.key));
  if (parts == PostgresParts::kFields) {
    return {};
  }
  const Status vector = result.Floats(row, kPostgresFieldCount, record.embedding);
  return vector.ok() ? vector : vector.WithContext(Concat("record ", DisplayKey(record.key)));
}

std::string PostgresCondition(const std::vector<Filter>& filters, PostgresParams& params) {
  std::string sql;
  for (const Filter& filter : filters) {
    if (filter.column == Column::kWords) {
      continue;
    }
    sql += sql.empty() ? "" : " AND ";
    if (filter.column == Column::kAttribute) {
      params.Text(filter.attribute);
      sql += Concat("attributes->>", params.Last());
    } else {
      sql += ColumnName(filter.column);
    }
    params.Text(filter.value);
    sql += Concat(" = ", params.Last());
  }
  return sql.empty() ? "true" : sql;
}

bool AnyPostgresWords(const std::vector<Filter>& filters) {
  return std::ranges::any_of(filters,
                             [](const Filter& filter) { return filter.column == Column::kWords; });
}

}  // namespace embeddingsdb
