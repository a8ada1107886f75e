// SPDX-License-Identifier: BSD-3-Clause
//
// KeyTable: something for each key of a file, in little memory.
#ifndef EMBEDDINGSDB_PARQUET_KEY_TABLE_H_
#define EMBEDDINGSDB_PARQUET_KEY_TABLE_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// Keeps the keys of all rows seen: about 100 bytes each, and no vectors, so that a file of any
/// size can be checked for duplicates while it is read once. Keys are compared as a whole: a hash
/// alone would save two thirds of that, and could say that two records are one.
template <typename Value>
class KeyTable {
 public:
  /// The value of this key and false, or `value`, which is kept, and true. Valid until the next
  /// call.
  std::pair<Value*, bool> TryEmplace(const Key& key, Value value) {
    const auto [found, added] = values_.try_emplace(Compact(key), std::move(value));
    return {&found->second, added};
  }

 private:
  /// Providers and models are few, so they are numbered; that halves the memory of a key.
  std::string Compact(const Key& key) {
    const auto next = static_cast<std::uint32_t>(spaces_.size());
    const std::uint32_t space = spaces_.try_emplace({key.provider, key.model}, next).first->second;
    std::string compact(sizeof(space), '\0');
    std::memcpy(compact.data(), &space, sizeof(space));
    return compact.append(key.depiction_id);
  }

  std::map<std::pair<std::string, std::string>, std::uint32_t> spaces_;
  std::unordered_map<std::string, Value> values_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_KEY_TABLE_H_
