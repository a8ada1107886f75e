// SPDX-License-Identifier: BSD-3-Clause
//
// Key, Record and SimilarRecord: what embeddingsdb stores and answers with, and the one validator
// that every door (C++, gRPC, command line, Parquet) uses.
#ifndef EMBEDDINGSDB_RECORD_H_
#define EMBEDDINGSDB_RECORD_H_

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Identity of a record. Two records are the same record exactly when all three parts are equal,
/// byte by byte (no Unicode normalisation). Ordered by provider, depiction_id, model. Never joined
/// into one string inside the program: the join go-embeddingsdb uses is ambiguous.
struct Key {
  std::string provider;      ///< who is responsible for the depiction id; 1 to kMaxProviderBytes
  std::string depiction_id;  ///< what the vector was computed from; 1 to kMaxDepictionIdBytes
  std::string model;         ///< label of the model, which is a vector space; 1 to kMaxModelBytes

  auto operator<=>(const Key&) const = default;
};

/// "provider-depiction_id-model", as go-embeddingsdb prints a key. For people only: not injective.
std::string DisplayKey(const Key& key);

/// Free-form facts about a record, ordered so that JSON, Parquet and hashes are deterministic.
/// May hold the OEmbeddings fields. At most kMaxAttributes, kMaxAttributesBytes in all.
using Attributes = std::map<std::string, std::string, std::less<>>;

/// One embedding and what it belongs to. A value type.
struct Record {
  Key key;
  std::string subject_id;        ///< the subject that the depiction depicts; may be empty
  std::vector<float> embedding;  ///< kMinDimension to kMaxDimension finite numbers
  std::int64_t created = 0;      ///< when the vector was made, in seconds since 1970 (UTC)
  Attributes attributes;

  bool operator==(const Record&) const = default;
};

/// A record found by similarity, without its vector.
struct SimilarRecord {
  Key key;
  std::string subject_id;
  float distance = 0;  ///< smaller is closer; in the database's metric. JSON calls it "similarity"
  Attributes attributes;

  bool operator==(const SimilarRecord&) const = default;
};

/// OK when the key's parts are non-empty, within their limits, valid UTF-8 and free of control
/// characters (C0 and DEL). Otherwise kInvalidArgument naming the part, its value and the limit.
Status ValidateKey(const Key& key);

/// OK when the vector has kMinDimension to kMaxDimension elements, all finite. Otherwise
/// kInvalidArgument naming the first offending element. `field` is the name to use in the message.
Status ValidateEmbedding(std::span<const float> embedding, std::string_view field = "embeddings");

/// OK when the key, subject, vector and attributes are within their limits. Attribute keys obey the
/// rule of key parts; attribute values may hold any valid UTF-8 but NUL. This is the only
/// validator; what it accepts every engine stores and gives back unchanged.
Status Validate(const Record& record);

/// The rule of key parts for one text: 1 to `max_bytes` bytes of UTF-8 without control characters
/// (0 bytes too when `may_be_empty`). The message names `field`, the value and the limit.
Status ValidateName(std::string_view field, std::string_view value, std::size_t max_bytes,
                    bool may_be_empty = false);

/// The rule of attribute values for one of them; the message names the attribute, the value and the
/// limit.
Status ValidateAttributeValue(std::string_view key, std::string_view value);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RECORD_H_
