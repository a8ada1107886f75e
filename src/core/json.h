// SPDX-License-Identifier: BSD-3-Clause
//
// Records as JSON, byte for byte as Go's encoding/json writes go-embeddingsdb's structs. Hashes and
// signatures are taken over these bytes, so they are a format, not a presentation.
#ifndef EMBEDDINGSDB_CORE_JSON_H_
#define EMBEDDINGSDB_CORE_JSON_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

struct FacetCounts;  // query.h

/// How empty collections print. Go prints a nil map or slice as null, and over gRPC empty ones
/// arrive as nil.
enum class EmptyAs : bool { kNull, kEmpty };

/// Appends a JSON string: escapes `"` `\` control characters, and also < > & U+2028 U+2029.
/// Invalid UTF-8 becomes \ufffd.
void AppendJsonString(std::string& out, std::string_view text);

/// {"provider":...,"depiction_id":...,"subject_id":...,"model":...,"embeddings":[...],
///  "created":...,"attributes":{...}} without a newline. This is the canonical form of a record.
std::string RecordToJson(const Record& record, EmptyAs empty = EmptyAs::kNull);

/// {"provider":...,"depiction_id":...,"subject_id":...,"similarity":...,"attributes":{...}}
std::string SimilarRecordToJson(const SimilarRecord& record, EmptyAs empty = EmptyAs::kNull);

/// A JSON array of strings, of floats, or of integers; `null` for an empty one with EmptyAs::kNull.
std::string StringsToJson(std::span<const std::string> values, EmptyAs empty = EmptyAs::kNull);
std::string FloatsToJson(std::span<const float> values);
std::string IntsToJson(std::span<const int> values);

/// {"facets":[{"value":...,"count":...}],"distinct":...,"records":...}
std::string FacetCountsToJson(const FacetCounts& counts);

/// {"key":"value",...} in bytewise key order.
std::string AttributesToJson(const Attributes& attributes);

/// Parses a record. Unknown fields, duplicate fields, wrong types, numbers that are no finite
/// float32, more than kMaxJsonBytes or kMaxJsonDepth are kInvalidArgument; absent fields are empty.
/// The record is not validated further (use Validate).
Result<Record> RecordFromJson(std::string_view json);
/// Parses an array of numbers into float32, rounded once from the decimal text.
Result<std::vector<float>> FloatsFromJson(std::string_view json);
/// Parses an object of strings; `null` is an empty map.
Result<Attributes> AttributesFromJson(std::string_view json);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_JSON_H_
