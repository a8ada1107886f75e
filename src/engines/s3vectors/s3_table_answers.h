// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the JSON that DynamoDB answers with about the side table of an index.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_ANSWERS_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_ANSWERS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb::s3vectors {

/// The attributes of an item, the names of go-embeddingsdb. All are strings but the last.
inline constexpr std::string_view kS3TableKey = "Key";  ///< of the vector; the table's hash key
inline constexpr std::string_view kS3TableProvider = "Provider";
inline constexpr std::string_view kS3TableModel = "Model";
inline constexpr std::string_view kS3TableDepictionId = "DepictionId";
inline constexpr std::string_view kS3TableDimensions = "Dimensions";
/// The table's secondary indexes: hash provider and range model, and the other way round.
inline constexpr std::string_view kS3TableByProvider = "by_provider_model";
inline constexpr std::string_view kS3TableByModel = "by_model_provider";

/// One record as the table knows it.
struct S3TableItem {
  std::string key;  ///< of its vector
  Key record;
};

struct S3TablePage {
  std::vector<S3TableItem> items;  ///< none when they are only counted
  std::int64_t count = 0;
  /// Where the next page begins; nothing at the end. As a place it may lack the depiction.
  std::optional<S3TableItem> next;
};

/// What an item of its own, which is in no secondary index, says about the table.
struct S3TableState {
  std::string index;             ///< "BUCKET/INDEX" that the table is of; empty: nobody has said
  bool complete = false;         ///< it has had every record of the index since it was made
  std::set<std::string> writes;  ///< that have begun and not ended
  std::set<std::string> models;  ///< those the records have, and maybe some that they had
  std::set<std::string> providers;
};

/// To DescribeTable: true when the table and its indexes are there. kFailedPrecondition naming what
/// is otherwise than go-embeddingsdb makes it.
Result<bool> ParseS3TableReady(std::string_view json);
/// To GetItem of the state.
Result<S3TableState> ParseS3TableState(std::string_view json);
/// To Query and Scan. Items without the attributes of a record are left out.
Result<S3TablePage> ParseS3TablePage(std::string_view json);
/// To BatchWriteItem: the requests of the table that it left undone, each as JSON.
Result<std::vector<std::string>> ParseS3TableUndone(std::string_view json);

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_ANSWERS_H_
