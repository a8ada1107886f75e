// SPDX-License-Identifier: BSD-3-Clause
//
// What an s3vectors:// URI says.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_OPTIONS_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_OPTIONS_H_

#include <cstdint>
#include <string>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "aws/aws_client.h"
#include "engines/database_base.h"
#include "engines/s3vectors/s3_record.h"

namespace embeddingsdb::s3vectors {

/// Which keys are looked up before records are stored at them.
enum class S3CheckKeys : std::uint8_t {
  kUnlessOwn,  ///< all but those that cannot be there, see S3OwnKeys
  kAlways,
  kNever,
};

struct S3Options {
  EngineOptions engine;
  bool metric_is_given = false;
  std::string bucket;
  std::string index;
  AwsClientOptions client;
  S3KeyForm keys = S3KeyForm::kV1;
  S3CheckKeys check_keys = S3CheckKeys::kUnlessOwn;
  bool refresh_tags = false;
  std::string table;              ///< `dynamodb-table`; empty without `with-dynamodb`
  AwsClientOptions table_client;  ///< when there is a table

  /// kInvalidArgument naming the option; kUnimplemented for `metric=ip`.
  static Result<S3Options> FromUri(const Uri& uri, const AwsSurroundings& surroundings);
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_OPTIONS_H_
