// SPDX-License-Identifier: BSD-3-Clause
//
// RecordMatcher: filters made ready to be asked of many records.
#ifndef EMBEDDINGSDB_CORE_RECORD_MATCHER_H_
#define EMBEDDINGSDB_CORE_RECORD_MATCHER_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

#include "core/words.h"

namespace embeddingsdb {

/// True for filters that are decided by attributes and not by a column of the record.
bool IsAboutAttributes(const Filter& filter);
bool AnyAboutAttributes(const std::vector<Filter>& filters);
/// The filters that are not about attributes.
std::vector<Filter> ColumnFilters(const std::vector<Filter>& filters);

/// The text that a record has in the column, or as the attribute; null when it has no such
/// attribute. Not for kWords.
const std::string* FieldOf(const Record& record, Column column, std::string_view attribute);

/// Immutable, safe for concurrent use.
class RecordMatcher {
 public:
  /// The filters are valid (ValidateFilters); a words filter that is not matches nothing.
  explicit RecordMatcher(const std::vector<Filter>& filters);

  /// True when the record satisfies all of them. Its vector is not looked at.
  bool Matches(const Record& record) const;

 private:
  std::vector<Filter> equalities_;
  std::vector<WordsQuery> words_;
  bool nothing_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_RECORD_MATCHER_H_
