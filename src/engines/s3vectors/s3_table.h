// SPDX-License-Identifier: BSD-3-Clause
//
// S3Table: the side table of an index in DynamoDB, as go-embeddingsdb makes it, and the operations
// on it as functions. It holds an item a record, by which lists and counts of a provider or a model
// need not read the index. What the two promise together is in S3VectorsDatabase.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/status.h"

#include "aws/aws_client.h"
#include "engines/s3vectors/s3_table_answers.h"

namespace embeddingsdb::s3vectors {

/// Which items. Of the filters of a query at most one each.
struct S3TableQuery {
  std::optional<std::string> provider = {};
  std::optional<std::string> model = {};
  std::optional<std::string> depiction_id = {};

  /// Nothing when the table's attributes do not decide the filters: others, or two values that one
  /// attribute would need to have at once.
  static std::optional<S3TableQuery> Of(const std::vector<Filter>& filters);
  /// False: the whole table has to be read, if faster than the index.
  bool has_index() const { return provider || model; }
};

struct S3TablePageRequest {
  S3TableQuery query;
  std::optional<S3TableItem> after = {};  ///< only its place in the order counts
  int limit = 0;                          ///< items that are looked at; 0: 1 MB of them
  bool count_only = false;
};

/// Names to be kept in the state.
struct S3TableNames {
  std::set<std::string> models;
  std::set<std::string> providers;
};

/// Safe for concurrent use. A function that is several requests may have done a part of its work
/// when it fails; doing it again does no harm. Secondary indexes follow the table after moments,
/// the rest is read as it was written last. kFailedPrecondition, not kNotFound, when the table is
/// gone.
class S3Table {
 public:
  /// `index` is what the state names, "BUCKET/INDEX".
  S3Table(std::unique_ptr<AwsClient> client, std::string table, std::string index,
          AwsSurroundings surroundings);

  /// Waits until the table is there; false when there is none.
  Result<bool> Check();
  /// And waits. No error when another makes it meanwhile.
  Status Create();

  /// kFailedPrecondition when the table is that of another index.
  Result<S3TableState> State();
  /// Says that from now on the table has every record of the index.
  Status SetComplete(const S3TableNames& names);
  /// A write begins, of records with these names; until its End the table may have items whose
  /// records are not there.
  Status Begin(const std::string& write, const S3TableNames& names);
  Status End(const std::set<std::string>& writes);

  Status Put(std::span<const S3TableItem> items, int dimensions);
  Status Delete(std::span<const std::string> keys);
  Result<S3TablePage> Page(const S3TablePageRequest& request);

  const std::string& name() const { return table_; }
  std::int64_t requests() const { return client_->requests(); }

 private:
  Status Post(std::string_view operation, const std::string& body, const AwsReader& read);
  Status Update(std::string_view operation, const std::string& update, const std::string& values);
  Status Write(std::vector<std::string> requests);
  Status WriteSome(std::span<const std::string> requests);

  const std::unique_ptr<AwsClient> client_;
  const std::string table_;
  const std::string index_;
  const AwsSurroundings surroundings_;
};

/// What cursors of lists begin with that the table answers; those of the index begin with a digit.
inline constexpr char kS3TableCursor = 't';

/// 32 random hexadecimal digits.
std::string NewS3WriteId();

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_TABLE_H_
