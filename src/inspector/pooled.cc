// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/pooled.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>

namespace embeddingsdb {

std::vector<PooledRecord> Pool(std::span<const ModelColumn> columns) {
  constexpr double kDamping = 60;  // the paper's: the first ranks do not decide alone
  std::map<std::pair<std::string, std::string>, PooledRecord> by_depiction;
  for (const ModelColumn& column : columns) {
    for (std::size_t i = 0; i < column.similar.size(); ++i) {
      const SimilarRecord& found = column.similar[i];
      PooledRecord& pooled = by_depiction[{found.key.provider, found.key.depiction_id}];
      if (pooled.models.empty()) {
        pooled.record = found;
      }
      pooled.models.push_back(column.model);
      pooled.score += 1 / (kDamping + static_cast<double>(i + 1));
    }
  }
  std::vector<PooledRecord> agreed;
  for (auto& [depiction, pooled] : by_depiction) {
    if (pooled.models.size() > 1) {
      agreed.push_back(std::move(pooled));
    }
  }
  std::ranges::sort(agreed, [](const PooledRecord& a, const PooledRecord& b) {
    return std::tuple(b.models.size(), b.score, a.record.key) <
           std::tuple(a.models.size(), a.score, b.record.key);
  });
  return agreed;
}

}  // namespace embeddingsdb
