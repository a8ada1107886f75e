// SPDX-License-Identifier: BSD-3-Clause
//
// S3TableComparison: what the side table has, held against the vectors of the index.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_COMPARISON_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "embeddingsdb/status.h"

#include "engines/s3vectors/s3_table.h"

namespace embeddingsdb::s3vectors {

/// Keeps the keys of all items in memory, some 120 bytes each. Not safe for concurrent use.
class S3TableComparison {
 public:
  enum class Item : std::uint8_t { kRight, kMissing, kOfAnother };

  /// Reads the items of the query.
  Status Load(S3Table& table, const S3TableQuery& query);
  /// What the table has of a vector, each of which is told of once.
  Item Take(const std::string& key, const Key& record);
  /// The keys of items that no vector was told of, in order.
  std::vector<std::string> Rest() const;

 private:
  std::unordered_map<std::string, std::size_t> hashes_;  // of the record, by the vector's key
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_COMPARISON_H_
