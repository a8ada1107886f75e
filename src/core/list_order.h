// SPDX-License-Identifier: BSD-3-Clause
//
// The order that List gives records in (docs/semantics.md): the same on every engine.
#ifndef EMBEDDINGSDB_CORE_LIST_ORDER_H_
#define EMBEDDINGSDB_CORE_LIST_ORDER_H_

#include <string>
#include <tuple>

#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// What a record is compared by; borrows it. No two records of a database are equal in it.
inline auto ListRank(const std::string& subject_id, const Key& key) {
  return std::tie(subject_id, key.depiction_id, key.model, key.provider);
}

inline bool ListsBefore(const Record& a, const Record& b) {
  return ListRank(a.subject_id, a.key) < ListRank(b.subject_id, b.key);
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_LIST_ORDER_H_
