// SPDX-License-Identifier: BSD-3-Clause
//
// S3Index: one index of one vector bucket, and the operations of the protocol on it as functions.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_INDEX_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_INDEX_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/status.h"

#include "aws/aws_client.h"
#include "engines/s3vectors/s3_answers.h"
#include "engines/s3vectors/s3_record.h"

namespace embeddingsdb::s3vectors {

/// A page of ListVectors.
struct S3ListRequest {
  int max_results = 0;
  std::string token = {};
  int segments = 0;  ///< 0: all of the index
  int segment = 0;
  bool data = false;
  bool metadata = false;
};

/// One vector as JSON of PutVectors, without the comma.
std::string S3PutEntry(const std::string& key, const Record& record, const S3Metadata& metadata);

/// Safe for concurrent use. Each function is one request, tried again where that helps.
class S3Index {
 public:
  S3Index(std::unique_ptr<AwsClient> client, std::string_view bucket, std::string_view index);

  /// kNotFound when there is no such index or bucket.
  Result<S3IndexFacts> GetIndex();
  Status CheckBucket();
  /// No error when it is there already.
  Status CreateBucket();
  /// With metadata of kS3MoreKey. False when it was there already.
  Result<bool> CreateIndex(int dimension, Metric metric);

  /// `entries` of S3PutEntry joined by commas: at most kMaxS3PutVectors.
  Status Put(std::string_view entries);
  /// In any order, without those that are not there; at most kMaxS3GetVectors.
  Result<std::vector<S3Vector>> Get(std::span<const std::string> keys, bool data);
  Status Delete(std::span<const std::string> keys);
  Result<S3VectorsPage> List(const S3ListRequest& request);
  /// The nearest, with metadata; follows the pages of the answer. `filter` is JSON or empty.
  Result<std::vector<S3Vector>> Query(std::span<const float> vector, int top_k,
                                      const std::string& filter);

  /// `arn` is that of the index.
  Result<std::map<std::string, std::string>> Tags(const std::string& arn);
  Status Tag(const std::string& arn, const std::map<std::string, std::string>& tags);
  Status Untag(const std::string& arn, std::span<const std::string> names);

  std::int64_t requests() const { return client_->requests(); }

 private:
  Status Post(std::string_view operation, const std::string& body, const AwsReader& read);
  Result<S3VectorsPage> PostForVectors(std::string_view operation, const std::string& body);

  const std::unique_ptr<AwsClient> client_;
  const std::string bucket_;   // "vectorBucketName":"..."
  const std::string address_;  // and "indexName":"..."
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_INDEX_H_
