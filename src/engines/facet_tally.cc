// SPDX-License-Identifier: BSD-3-Clause
#include "engines/facet_tally.h"

#include <algorithm>
#include <cstddef>

#include "core/record_matcher.h"

namespace embeddingsdb {

void FacetTally::Add(const Record& record) {
  if (const std::string* const value = FieldOf(record, query_.by, query_.attribute)) {
    ++counts_[*value];
  }
}

FacetCounts FacetTally::Finish() const {
  FacetCounts result;
  result.distinct = static_cast<std::int64_t>(counts_.size());
  result.facets.reserve(counts_.size());
  for (const auto& [value, count] : counts_) {
    result.records += count;
    result.facets.push_back({value, count});
  }
  const std::size_t kept = std::min(result.facets.size(), static_cast<std::size_t>(query_.limit));
  std::partial_sort(result.facets.begin(),
                    result.facets.begin() + static_cast<std::ptrdiff_t>(kept), result.facets.end(),
                    [](const Facet& a, const Facet& b) {
                      return a.count != b.count ? a.count > b.count : a.value < b.value;
                    });
  result.facets.resize(kept);
  return result;
}

}  // namespace embeddingsdb
