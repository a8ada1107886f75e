// SPDX-License-Identifier: BSD-3-Clause
//
// A record as a vector of Amazon S3 Vectors: its key and its metadata, as go-embeddingsdb writes
// them, and where what does not fit is kept.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_RECORD_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_RECORD_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb::s3vectors {

/// The values of the option `keys`.
enum class S3KeyForm : std::uint8_t {
  kV1,  ///< "provider-depiction_id-model", as in go-embeddingsdb; not injective
  kV2,  ///< with the lengths of the parts; a hash where that is too long
};

/// kInvalidArgument for a key of v1 of more than kMaxS3KeyBytes.
Result<std::string> S3KeyOf(const Key& key, S3KeyForm keys);

/// Metadata that filters do not reach and that may be large: a JSON object of the attributes that
/// do not fit into the other. Declared when we make an index; go-embeddingsdb's have none.
inline constexpr std::string_view kS3MoreKey = "x-more";
/// Names of those attributes, as metadata that filters do reach.
inline constexpr std::string_view kS3MoreNamesKey = "x-more-names";
/// Among those names: any.
inline constexpr std::string_view kS3AnyName = "*";

/// What is known of an index and matters to metadata.
struct S3Layout {
  std::set<std::string, std::less<>> non_filterable;  ///< declared when it was made
  bool has_more() const { return non_filterable.contains(kS3MoreKey); }
};

struct S3Metadata {
  std::map<std::string, std::string> values;
  std::vector<std::string> more_names;  ///< a list; empty: not there
};

/// The bytes that the service counts for metadata: of all of it, or of what filters reach.
std::size_t S3MetadataBytes(const S3Metadata& metadata, const S3Layout& layout, bool filterable);

/// kInvalidArgument naming the attribute, its size and the limit, when it cannot be kept there.
Result<S3Metadata> S3MetadataOf(const Record& record, const S3Layout& layout);

/// One vector of an answer. Metadata that is no string is JSON text.
struct S3Vector {
  std::string key;
  std::vector<float> data;
  std::map<std::string, std::string> metadata;
  float distance = 0;
};

/// kDataLoss naming the vector's key, when it is no record.
Result<Record> RecordOf(S3Vector vector);

/// The condition in the service's language that no record fails which the query wants: it may let
/// more through. Empty: none.
std::string S3FilterOf(const SimilarQuery& query, const S3Layout& layout);

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_RECORD_H_
