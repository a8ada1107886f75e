// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/query.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/record_matcher.h"
#include "core/text.h"
#include "core/words.h"

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
    {Column::kAttribute, "attributes", kMaxAttributeValueBytes},
    {Column::kWords, "words", kMaxWordsBytes},
});
// The first of them are columns that go-embeddingsdb has too.
constexpr std::size_t kStoredColumns = 4;

// Before the name of an attribute.
constexpr std::string_view kAttributePrefix = "attributes.";

const ColumnFacts& Facts(Column column) {
  return kColumns[static_cast<std::size_t>(column)];
}

std::string KnownColumns() {
  std::string known;
  for (const ColumnFacts& facts : std::span(kColumns).first(kStoredColumns)) {
    known.append(known.empty() ? "" : ", ").append(facts.name);
  }
  return known;
}

Status ValidateAttributeName(std::string_view field, std::string_view name) {
  return ValidateName(Concat(field, " attribute"), name, kMaxAttributeKeyBytes);
}

Status ValidateFilter(const Filter& filter) {
  switch (filter.column) {
    case Column::kAttribute: {
      EDB_TRY(ValidateAttributeName("filter", filter.attribute));
      const Status value = ValidateAttributeValue(filter.attribute, filter.value);
      return value.ok() ? value : value.WithContext("filter");
    }
    case Column::kWords:
      return WordsQuery::Parse(filter.value).status();
    case Column::kProvider:
    case Column::kDepictionId:
    case Column::kSubjectId:
    case Column::kModel:
      break;
  }
  // An empty value is a question like any other: subjects may be empty.
  return ValidateName(Concat("filter ", ColumnName(filter.column)), filter.value,
                      Facts(filter.column).max_bytes, true);
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
  for (const ColumnFacts& facts : std::span(kColumns).first(kStoredColumns)) {
    if (facts.name == name) {
      return facts.column;
    }
  }
  return InvalidArgumentError(
      Concat("filter column ", Quote(name), " is unknown, the known ones are ", KnownColumns()));
}

std::string FilterName(const Filter& filter) {
  return filter.column == Column::kAttribute ? Concat(kAttributePrefix, filter.attribute)
                                             : std::string(ColumnName(filter.column));
}

Result<Filter> ParseFilter(std::string_view name, std::string_view value) {
  Filter filter = {.value = std::string(value)};
  if (name.starts_with(kAttributePrefix)) {
    filter.column = Column::kAttribute;
    filter.attribute = name.substr(kAttributePrefix.size());
    return filter;
  }
  if (name == ColumnName(Column::kWords)) {
    filter.column = Column::kWords;
    return filter;
  }
  const Result<Column> column = ParseColumn(name);
  if (!column.ok()) {
    return InvalidArgumentError(Concat("filter ", Quote(name), " is unknown, the known ones are ",
                                       KnownColumns(), ", attributes.NAME and words"));
  }
  filter.column = *column;
  return filter;
}

bool Matches(const Record& record, const std::vector<Filter>& filters) {
  return RecordMatcher(filters).Matches(record);
}

std::string_view GroupByName(GroupBy group_by) {
  return group_by == GroupBy::kSubject ? "subject" : "none";
}

Result<GroupBy> ParseGroupBy(std::string_view name) {
  for (const GroupBy group_by : {GroupBy::kNone, GroupBy::kSubject}) {
    if (GroupByName(group_by) == name) {
      return group_by;
    }
  }
  return InvalidArgumentError(
      Concat("group_by ", Quote(name), " is unknown, the known ones are none and subject"));
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
    EDB_TRY(ValidateFilter(filter));
  }
  return {};
}

Status ValidateListQuery(const ListQuery& query) {
  EDB_TRY(CheckRange("page", query.page, kMaxPage));
  EDB_TRY(CheckRange("per_page", query.per_page, kMaxPerPage));
  if (query.cursor.size() > kMaxCursorBytes) {
    return InvalidArgumentError(
        Concat("cursor is ", query.cursor.size(), " bytes long, the limit is ", kMaxCursorBytes));
  }
  if (!query.cursor.empty() && query.page != 1) {
    return InvalidArgumentError(Concat("page is ", query.page, ", with a cursor it must be 1"));
  }
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
  return ValidateFilters(query.filters);
}

Status ValidateFacetQuery(const FacetQuery& query) {
  if (query.by == Column::kWords) {
    return InvalidArgumentError("facets cannot be counted by words; count by an attribute");
  }
  if (query.by == Column::kAttribute) {
    EDB_TRY(ValidateAttributeName("facet", query.attribute));
  }
  EDB_TRY(CheckRange("limit", query.limit, kMaxFacets));
  return ValidateFilters(query.filters);
}

}  // namespace embeddingsdb
