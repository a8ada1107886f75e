// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_FACET_TALLY_H_
#define EMBEDDINGSDB_ENGINES_FACET_TALLY_H_

#include <cstdint>
#include <string>
#include <unordered_map>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// Counts what a FacetQuery asks for. Not safe for concurrent use.
class FacetTally {
 public:
  /// Borrows the query.
  explicit FacetTally(const FacetQuery& query) : query_(query) {}

  /// Counts a record that satisfies the query's filters.
  void Add(const Record& record);
  /// Counts so many records with a value.
  void Add(const std::string& value, std::int64_t count) { counts_[value] += count; }

  FacetCounts Finish() const;

 private:
  const FacetQuery& query_;
  std::unordered_map<std::string, std::int64_t> counts_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_FACET_TALLY_H_
