// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/record.h"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/status.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

Status TooLong(std::string_view field, std::size_t size, std::size_t limit) {
  return InvalidArgumentError(Concat(field, " is ", size, " bytes long, the limit is ", limit));
}

Status ValidateAttributes(const Attributes& attributes) {
  if (attributes.size() > kMaxAttributes) {
    return InvalidArgumentError(
        Concat("attributes has ", attributes.size(), " entries, the limit is ", kMaxAttributes));
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : attributes) {
    EDB_TRY(ValidateName("attribute name", key, kMaxAttributeKeyBytes));
    EDB_TRY(ValidateAttributeValue(key, value));
    bytes += key.size() + value.size();
  }
  if (bytes > kMaxAttributesBytes) {
    return TooLong("attributes in all", bytes, kMaxAttributesBytes);
  }
  return {};
}

}  // namespace

std::string DisplayKey(const Key& key) {
  return Concat(key.provider, "-", key.depiction_id, "-", key.model);
}

Status ValidateName(std::string_view field, std::string_view value, std::size_t max_bytes,
                    bool may_be_empty) {
  if (value.empty() && !may_be_empty) {
    return InvalidArgumentError(Concat(field, " is empty"));
  }
  if (value.size() > max_bytes) {
    return TooLong(field, value.size(), max_bytes);
  }
  if (!IsValidUtf8(value)) {
    return InvalidArgumentError(Concat(field, " ", Quote(value), " is not valid UTF-8"));
  }
  if (HasControlCharacter(value)) {
    return InvalidArgumentError(Concat(field, " ", Quote(value), " holds a control character"));
  }
  return {};
}

Status ValidateAttributeValue(std::string_view key, std::string_view value) {
  const bool too_long = value.size() > kMaxAttributeValueBytes;
  const bool has_nul = value.find('\0') != std::string_view::npos;
  if (!too_long && !has_nul && IsValidUtf8(value)) {
    return {};
  }
  const std::string field = Concat("attributes[", Quote(key), "]");
  if (too_long) {
    return TooLong(field, value.size(), kMaxAttributeValueBytes);
  }
  return InvalidArgumentError(
      Concat(field, " ", Quote(value), has_nul ? " holds a NUL character" : " is not valid UTF-8"));
}

Status ValidateKey(const Key& key) {
  EDB_TRY(ValidateName("provider", key.provider, kMaxProviderBytes));
  EDB_TRY(ValidateName("depiction_id", key.depiction_id, kMaxDepictionIdBytes));
  return ValidateName("model", key.model, kMaxModelBytes);
}

Status ValidateEmbedding(std::span<const float> embedding, std::string_view field) {
  static_assert(kMinDimension == 1, "the message for an empty vector says so");
  if (embedding.empty()) {
    return InvalidArgumentError(Concat(field, " is empty"));
  }
  if (embedding.size() > static_cast<std::size_t>(kMaxDimension)) {
    return InvalidArgumentError(
        Concat(field, " has ", embedding.size(), " elements, the limit is ", kMaxDimension));
  }
  for (std::size_t i = 0; i < embedding.size(); ++i) {
    if (!std::isfinite(embedding[i])) {
      return InvalidArgumentError(Concat(field, "[", i, "] is ", FormatFloat(embedding[i]),
                                         ", which is not a finite number"));
    }
  }
  return {};
}

Status Validate(const Record& record) {
  EDB_TRY(ValidateKey(record.key));
  EDB_TRY(ValidateName("subject_id", record.subject_id, kMaxSubjectIdBytes, true));
  EDB_TRY(ValidateEmbedding(record.embedding));
  return ValidateAttributes(record.attributes);
}

}  // namespace embeddingsdb
