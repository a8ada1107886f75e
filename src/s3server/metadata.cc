// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/metadata.h"

#include <algorithm>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kJsonAttribute = "s3:json";
constexpr std::size_t kMaxPlainKeyBytes = 100;  // with kListMark it is still an attribute's name
// Of the attributes of a record some are kept for marks and for what is named above.
constexpr std::size_t kMaxListMarks = 8;
constexpr std::size_t kMaxPlain = kMaxAttributes - kMaxListMarks - 4;

std::size_t ValueBytes(const Document& value) {
  switch (value.kind) {
    case Document::Kind::kString:
      return value.text.size();
    case Document::Kind::kNumber:
      return 4;
    case Document::Kind::kArray: {
      std::size_t bytes = 0;
      for (const Document& item : value.items) {
        bytes += 4 + ValueBytes(item);
      }
      return bytes;
    }
    default:
      return 0;
  }
}

std::size_t EntryBytes(const Document::Member& entry) {
  return 8 + entry.first.size() + ValueBytes(entry.second);
}

bool IsIn(const std::vector<std::string>& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

Status CheckValue(const Document& value) {
  if (value.IsArray()) {
    const bool good = std::ranges::all_of(
        value.items, [](const Document& item) { return item.IsString() || item.IsNumber(); });
    return good ? Status()
                : InvalidArgumentError("Metadata array values must be strings or numbers");
  }
  if (value.IsString() || value.IsNumber() || value.IsBoolean()) {
    return {};
  }
  return InvalidArgumentError("Metadata values must be strings, numbers, booleans, or arrays");
}

bool IsPlainValue(const Document& value) {
  return value.IsString() && value.text.size() <= kMaxAttributeValueBytes &&
         value.text.find('\0') == std::string::npos;
}

bool HasString(const Document& value) {
  return value.IsString() ||
         std::ranges::any_of(value.items, [](const Document& item) { return item.IsString(); });
}

/// Sorts entries into attributes, one JSON object, and marks that say what is in the latter.
class Sorter {
 public:
  void Add(const Document::Member& entry, bool filterable) {
    const auto& [key, value] = entry;
    if (IsPlainKey(key) && IsPlainValue(value) && plain_ < kMaxPlain) {
      ++plain_;
      attributes_.emplace(key, value.text);
      return;
    }
    json_.members.push_back(entry);
    if (!filterable || !HasString(value)) {
      return;
    }
    if (value.IsArray() && IsPlainKey(key) && marks_ < kMaxListMarks) {
      ++marks_;
      attributes_.emplace(Concat(kListMark, key), "1");
    } else {
      attributes_.emplace(kHiddenMark, "1");
    }
  }

  Attributes Finish() {
    if (!json_.members.empty()) {
      attributes_.insert_or_assign(std::string(kJsonAttribute), ToJson(json_));
    }
    return std::move(attributes_);
  }

 private:
  std::size_t plain_ = 0;
  std::size_t marks_ = 0;
  Attributes attributes_;
  Document json_ = Document::Object();
};

/// True when a record has room for the attributes, and for those that are added to them.
bool Fits(const Attributes& attributes) {
  constexpr std::size_t kOthers = 8 * 1'024;  // the key of a vector, escaped
  std::size_t bytes = kOthers;
  for (const auto& [key, value] : attributes) {
    if (value.size() > kMaxAttributeValueBytes) {
      return false;
    }
    bytes += key.size() + value.size();
  }
  return bytes <= kMaxAttributesBytes;
}

}  // namespace

std::size_t MetadataBytes(const Document& metadata) {
  return FilterableBytes(metadata, {});
}

std::size_t FilterableBytes(const Document& metadata,
                            const std::vector<std::string>& not_filterable) {
  std::size_t bytes = 4;
  for (const Document::Member& entry : metadata.members) {
    bytes += IsIn(not_filterable, entry.first) ? 0 : EntryBytes(entry);
  }
  return bytes;
}

Status CheckMetadata(const Document& metadata, const std::vector<std::string>& not_filterable) {
  if (!metadata.IsObject()) {
    return InvalidArgumentError("Metadata must be an object");
  }
  if (metadata.members.size() > kMaxS3MetadataKeys) {
    return InvalidArgumentError(
        Concat("Metadata object must have at most ", kMaxS3MetadataKeys, " keys"));
  }
  for (const auto& [key, value] : metadata.members) {
    if (key.empty()) {
      return InvalidArgumentError("Metadata keys must not be empty");
    }
    EDB_TRY(CheckValue(value));
  }
  if (MetadataBytes(metadata) > kMaxS3MetadataBytes) {
    return InvalidArgumentError(
        Concat("Metadata object must have at most ", kMaxS3MetadataBytes, " bytes"));
  }
  if (FilterableBytes(metadata, not_filterable) > kMaxS3FilterableBytes) {
    return InvalidArgumentError(
        Concat("Filterable metadata must have at most ", kMaxS3FilterableBytes, " bytes"));
  }
  return {};
}

bool IsPlainKey(std::string_view key) {
  return !key.empty() && key.size() <= kMaxPlainKeyBytes && !HasControlCharacter(key) &&
         !key.starts_with(kReservedAttributes);
}

StoredMetadata StoreMetadata(const Document& metadata,
                             const std::vector<std::string>& not_filterable) {
  Sorter all;
  Sorter filterable;
  Document more = Document::Object();
  // What can be filtered by comes first: the attributes may not be enough for all.
  for (const Document::Member& entry : metadata.members) {
    if (!IsIn(not_filterable, entry.first)) {
      all.Add(entry, true);
      filterable.Add(entry, true);
    }
  }
  for (const Document::Member& entry : metadata.members) {
    if (IsIn(not_filterable, entry.first)) {
      all.Add(entry, false);
      more.members.push_back(entry);
    }
  }
  StoredMetadata stored{.attributes = all.Finish(), .more = {}};
  if (!more.members.empty() && !Fits(stored.attributes)) {
    stored.attributes = filterable.Finish();
    stored.more = ToJson(more);
  }
  return stored;
}

Result<Document> LoadMetadata(const Attributes& attributes, std::string_view more) {
  Document out = Document::Object();
  const auto merge = [&](std::string_view json) -> Status {
    EDB_ASSIGN(Document rest, ParseDocument(json));
    for (auto& [key, value] : rest.members) {
      out.Set(key, std::move(value));
    }
    return {};
  };
  for (const auto& [key, value] : attributes) {
    if (!key.starts_with(kReservedAttributes)) {
      out.Set(key, Document::String(value));
    } else if (key == kJsonAttribute && !merge(value).ok()) {
      return DataLossError(Concat("attribute ", kJsonAttribute, " is no JSON"));
    }
  }
  if (!more.empty() && !merge(more).ok()) {
    return DataLossError("the metadata of a vector is no JSON");
  }
  return out;
}

}  // namespace embeddingsdb
