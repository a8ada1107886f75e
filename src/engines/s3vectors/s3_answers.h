// SPDX-License-Identifier: BSD-3-Clause
//
// Reading the JSON that S3 Vectors answers with.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_ANSWERS_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_ANSWERS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/status.h"

#include "engines/s3vectors/s3_record.h"

namespace embeddingsdb::s3vectors {

struct S3VectorsPage {
  std::vector<S3Vector> vectors;
  std::string next_token;  ///< empty at the end
};

struct S3IndexFacts {
  std::string arn;
  int dimension = 0;
  Metric metric = Metric::kCosine;
  S3Layout layout;
};

/// The answer to GetVectors, ListVectors or QueryVectors. Numbers become floats in one rounding.
/// kInvalidArgument, also for a text that ends too early; fields that are not known are passed
/// over, as the service may add some.
Result<S3VectorsPage> ParseS3Vectors(std::string_view json);
/// To GetIndex.
Result<S3IndexFacts> ParseS3Index(std::string_view json);
/// To ListTagsForResource.
Result<std::map<std::string, std::string>> ParseS3Tags(std::string_view json);

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_ANSWERS_H_
