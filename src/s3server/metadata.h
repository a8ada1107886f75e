// SPDX-License-Identifier: BSD-3-Clause
//
// The metadata of a vector: the rules of the service, and how it is kept as a record's attributes
// without losing anything (docs/adr/0031-s3-vectors-server.md).
#ifndef EMBEDDINGSDB_S3SERVER_METADATA_H_
#define EMBEDDINGSDB_S3SERVER_METADATA_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "s3server/document.h"

namespace embeddingsdb {

/// The size that the service counts, of all metadata or of what passes `counts`: 4 bytes, and for
/// each entry 8, the bytes of its key and those of its value. A string has its bytes, a number 4,
/// a boolean none, an array 4 and the element's for each element.
std::size_t MetadataBytes(const Document& metadata);
std::size_t FilterableBytes(const Document& metadata,
                            const std::vector<std::string>& not_filterable);

/// OK when the values have types and sizes that the service takes; else kInvalidArgument in its
/// words.
Status CheckMetadata(const Document& metadata, const std::vector<std::string>& not_filterable);

/// Names of attributes that are ours; a key of metadata that begins so is kept elsewhere.
inline constexpr std::string_view kReservedAttributes = "s3:";
/// On records where a filterable string of this key is within an array.
inline constexpr std::string_view kListMark = "s3:list:";
/// On records with a filterable string that is no attribute of its own and has no list mark.
inline constexpr std::string_view kHiddenMark = "s3:hidden";
/// The name of a text that holds the rest of the metadata.
inline constexpr std::string_view kMoreAttribute = "s3:more";
/// The key of a vector, as JSON, where the depiction id is not the key itself.
inline constexpr std::string_view kKeyAttribute = "s3:key";

/// Metadata as it is stored.
struct StoredMetadata {
  Attributes attributes;  ///< without kMoreAttribute; the filterable part is always here whole
  std::string more;       ///< JSON of what has no place there; empty when there is nothing
};

/// True for a key that can be the name of an attribute and is none of ours. Only conditions on
/// such keys can be handed to a database.
bool IsPlainKey(std::string_view key);

/// Strings become attributes of their own, so that the database can filter by them; all else is one
/// JSON attribute. What is larger than a record may be is `more`.
StoredMetadata StoreMetadata(const Document& metadata,
                             const std::vector<std::string>& not_filterable);

/// The inverse: an object. `more` is what StoreMetadata gave, or empty to read the rest only.
/// kDataLoss when the attributes are not what StoreMetadata made.
Result<Document> LoadMetadata(const Attributes& attributes, std::string_view more);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_METADATA_H_
