// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/query.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

struct ColumnFacts {
  Column column;
  std::string_view name;
  std::size_t max_bytes;
};

constexpr std::array kColumns = std::to_array<ColumnFacts>({
    {Column::kProvider, "provider", kMaxProviderBytes},
    {Column::kDepictionId, "depiction_id", kMaxDepictionIdBytes},
    {Column::kSubjectId, "subject_id", kMaxSubjectIdBytes},
    {Column::kModel, "model", kMaxModelBytes},
});

const ColumnFacts& Facts(Column column) {
  return kColumns[static_cast<std::size_t>(column)];
}

const std::string& Value(const Record& record, Column column) {
  switch (column) {
    case Column::kProvider:
      return record.key.provider;
    case Column::kDepictionId:
      return record.key.depiction_id;
    case Column::kSubjectId:
      return record.subject_id;
    case Column::kModel:
      break;
  }
  return record.key.model;
}

Status CheckRange(std::string_view field, std::int64_t value, std::int64_t max) {
  if (value >= 1 && value <= max) {
    return {};
  }
  return InvalidArgumentError(Concat(field, " is ", value, ", the limits are 1 to ", max));
}

}  // namespace

std::string_view ColumnName(Column column) {
  return Facts(column).name;
}

Result<Column> ParseColumn(std::string_view name) {
  std::string known;
  for (const ColumnFacts& facts : kColumns) {
    if (facts.name == name) {
      return facts.column;
    }
    known.append(known.empty() ? "" : ", ").append(facts.name);
  }
  return InvalidArgumentError(
      Concat("filter column ", Quote(name), " is unknown, the known ones are ", known));
}

bool Matches(const Record& record, const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&record](const Filter& filter) {
    return Value(record, filter.column) == filter.value;
  });
}

std::string_view PaginationTypeName(PaginationType type) {
  switch (type) {
    case PaginationType::kCountable:
      return "countable";
    case PaginationType::kCursor:
      return "cursor";
    case PaginationType::kNull:
      break;
  }
  return "null";
}

Status ValidateFilters(const std::vector<Filter>& filters) {
  if (filters.size() > kMaxFilters) {
    return InvalidArgumentError(
        Concat("there are ", filters.size(), " filters, the limit is ", kMaxFilters));
  }
  for (const Filter& filter : filters) {
    // An empty value is a question like any other: subjects may be empty.
    EDB_TRY(ValidateName(Concat("filter ", ColumnName(filter.column)), filter.value,
                         Facts(filter.column).max_bytes, true));
  }
  return {};
}

Status ValidateListQuery(const ListQuery& query) {
  EDB_TRY(CheckRange("page", query.page, kMaxPage));
  EDB_TRY(CheckRange("per_page", query.per_page, kMaxPerPage));
  return ValidateFilters(query.filters);
}

Status ValidateSimilarQuery(const SimilarQuery& query) {
  EDB_TRY(ValidateName("model", query.model, kMaxModelBytes));
  EDB_TRY(ValidateEmbedding(query.embedding));
  if (query.k) {
    EDB_TRY(CheckRange("max_results", *query.k, kMaxResults));
  }
  if (query.max_distance && std::isnan(*query.max_distance)) {
    return InvalidArgumentError("max_distance is NaN, which is not a number");
  }
  if (query.provider) {
    EDB_TRY(ValidateName("similar_provider", *query.provider, kMaxProviderBytes, true));
  }
  if (query.exclude.size() > kMaxExclude) {
    return InvalidArgumentError(
        Concat("exclude has ", query.exclude.size(), " depiction ids, the limit is ", kMaxExclude));
  }
  for (std::size_t i = 0; i < query.exclude.size(); ++i) {
    EDB_TRY(ValidateName(Concat("exclude[", i, "]"), query.exclude[i], kMaxDepictionIdBytes));
  }
  if (query.exclude_record) {
    EDB_TRY(ValidateKey(*query.exclude_record));
  }
  return {};
}

}  // namespace embeddingsdb
