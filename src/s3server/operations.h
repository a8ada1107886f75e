// SPDX-License-Identifier: BSD-3-Clause
//
// S3Operations: what the server does for each operation of the protocol, from the body of a request
// to that of its answer; no HTTP, no signatures.
#ifndef EMBEDDINGSDB_S3SERVER_OPERATIONS_H_
#define EMBEDDINGSDB_S3SERVER_OPERATIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "s3server/catalog.h"
#include "s3server/document.h"
#include "s3server/fields.h"
#include "s3server/search_pages.h"
#include "s3server/vectors.h"

namespace embeddingsdb {

/// What names of this server's resources are made of.
struct S3Place {
  std::string region;
  std::string account;  ///< 12 digits
};

/// Threads: safe for concurrent use. Errors are those of the service in its own words:
/// kInvalidArgument is a ValidationException, kNotFound, kAlreadyExists (Conflict),
/// kResourceExhausted (ServiceQuotaExceeded), others are those of a database.
class S3Operations {
 public:
  /// Fills `fields` with what is wrong with single members of the body.
  using Handler = Result<Document> (S3Operations::*)(const Document& body, FieldList& fields);

  /// Borrows both.
  S3Operations(S3Catalog& catalog, Env& env, S3Place place)
      : catalog_(catalog), env_(env), place_(std::move(place)) {}

  /// The handler of "/Name", or null.
  static Handler Find(std::string_view name);

  // Tags have a path and a method instead of a name.
  Result<Document> TagResource(std::string_view arn, const Document& body, FieldList& fields);
  Result<Document> ListTags(std::string_view arn);
  Result<Document> UntagResource(std::string_view arn, const std::vector<std::string>& keys);

 private:
  // Which bucket or index a request is about.
  struct IndexName {
    std::string bucket;
    std::string index;  // empty: the bucket
  };
  /// An index that stays while this lives.
  struct Held {
    S3IndexPtr entry;
    std::shared_lock<std::shared_mutex> lock;
  };

  Result<Document> CreateVectorBucket(const Document& body, FieldList& fields);
  Result<Document> GetVectorBucket(const Document& body, FieldList& fields);
  Result<Document> ListVectorBuckets(const Document& body, FieldList& fields);
  Result<Document> DeleteVectorBucket(const Document& body, FieldList& fields);
  Result<Document> PutVectorBucketPolicy(const Document& body, FieldList& fields);
  Result<Document> GetVectorBucketPolicy(const Document& body, FieldList& fields);
  Result<Document> DeleteVectorBucketPolicy(const Document& body, FieldList& fields);
  Result<Document> PutVectorBucketDefaultIndexMode(const Document& body, FieldList& fields);
  Result<Document> CreateIndex(const Document& body, FieldList& fields);
  Result<Document> GetIndex(const Document& body, FieldList& fields);
  Result<Document> ListIndexes(const Document& body, FieldList& fields);
  Result<Document> DeleteIndex(const Document& body, FieldList& fields);
  Result<Document> UpdateIndexMode(const Document& body, FieldList& fields);
  Result<Document> PutVectors(const Document& body, FieldList& fields);
  Result<Document> GetVectors(const Document& body, FieldList& fields);
  Result<Document> ListVectors(const Document& body, FieldList& fields);
  Result<Document> DeleteVectors(const Document& body, FieldList& fields);
  Result<Document> QueryVectors(const Document& body, FieldList& fields);

  Result<std::string> BucketOf(Fields& fields) const;
  Result<IndexName> IndexOf(Fields& fields) const;
  Result<Held> Hold(const IndexName& name) const;
  Result<IndexName> ParseArn(std::string_view arn) const;
  std::string ArnOf(const std::string& bucket) const;
  std::string ArnOf(const std::string& bucket, const std::string& index) const;
  Document BucketDocument(const S3Bucket& bucket, bool whole) const;
  Document IndexDocument(const S3Index& index, bool whole) const;
  Status ChangeTags(std::string_view arn, const std::function<Status(Tags&)>& change);

  S3Catalog& catalog_;
  Env& env_;
  const S3Place place_;
  SearchPages pages_;
};

/// Nothing when the member is absent or, which is a problem then, another text.
std::optional<S3IndexMode> ReadS3Mode(Fields& fields, std::string_view name, bool required);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_OPERATIONS_H_
