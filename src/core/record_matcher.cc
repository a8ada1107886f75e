// SPDX-License-Identifier: BSD-3-Clause
#include "core/record_matcher.h"

#include <algorithm>
#include <iterator>

namespace embeddingsdb {

bool IsAboutAttributes(const Filter& filter) {
  return filter.column == Column::kAttribute || filter.column == Column::kWords;
}

bool AnyAboutAttributes(const std::vector<Filter>& filters) {
  return std::any_of(filters.begin(), filters.end(), IsAboutAttributes);
}

std::vector<Filter> ColumnFilters(const std::vector<Filter>& filters) {
  std::vector<Filter> columns;
  std::remove_copy_if(filters.begin(), filters.end(), std::back_inserter(columns),
                      IsAboutAttributes);
  return columns;
}

const std::string* FieldOf(const Record& record, Column column, std::string_view attribute) {
  switch (column) {
    case Column::kProvider:
      return &record.key.provider;
    case Column::kDepictionId:
      return &record.key.depiction_id;
    case Column::kSubjectId:
      return &record.subject_id;
    case Column::kModel:
      return &record.key.model;
    case Column::kAttribute:
    case Column::kWords:
      break;
  }
  const auto found = record.attributes.find(attribute);
  return found == record.attributes.end() ? nullptr : &found->second;
}

RecordMatcher::RecordMatcher(const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) {
    if (filter.column != Column::kWords) {
      equalities_.push_back(filter);
    } else if (Result<WordsQuery> words = WordsQuery::Parse(filter.value); words.ok()) {
      words_.push_back(*std::move(words));
    } else {
      nothing_ = true;
    }
  }
}

bool RecordMatcher::Matches(const Record& record) const {
  const auto equals = [&](const Filter& filter) {
    const std::string* const field = FieldOf(record, filter.column, filter.attribute);
    return field != nullptr && *field == filter.value;
  };
  return !nothing_ && std::all_of(equalities_.begin(), equalities_.end(), equals) &&
         std::all_of(words_.begin(), words_.end(),
                     [&](const WordsQuery& words) { return words.Matches(record.attributes); });
}

}  // namespace embeddingsdb
