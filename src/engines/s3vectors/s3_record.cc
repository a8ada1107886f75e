// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/sha256.h"
#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

constexpr std::string_view kModel = "x-model";
constexpr std::string_view kProvider = "x-provider";
constexpr std::string_view kSubjectId = "x-subject-id";
constexpr std::string_view kDepictionId = "x-depiction-id";
constexpr std::string_view kCreated = "x-created";
constexpr auto kReserved = std::to_array<std::string_view>(
    {kModel, kProvider, kSubjectId, kDepictionId, kCreated, kS3MoreKey, kS3MoreNamesKey});

// How the service counts, measured: the object 4, an entry 8, an element of a list 4.
constexpr std::size_t kObjectBytes = 4;
constexpr std::size_t kEntryBytes = 8;
constexpr std::size_t kElementBytes = 4;

// Each value of a filter is a condition, and the service takes 100. More are looked at afterwards.
constexpr std::size_t kMaxExcludedInFilter = 64;

bool IsReserved(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

std::size_t EntryBytes(std::string_view name, std::string_view value) {
  return kEntryBytes + name.size() + value.size();
}

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

/// The largest entry that filters reach and that can go elsewhere; end when there is none.
std::map<std::string, std::string>::iterator LargestMovable(S3Metadata& metadata,
                                                            const S3Layout& layout) {
  auto largest = metadata.values.end();
  for (auto it = metadata.values.begin(); it != metadata.values.end(); ++it) {
    const bool movable = it->first == kSubjectId ||
                         (!IsReserved(it->first) && !layout.non_filterable.contains(it->first));
    if (movable &&
        (largest == metadata.values.end() ||
         EntryBytes(it->first, it->second) > EntryBytes(largest->first, largest->second))) {
      largest = it;
    }
  }
  return largest;
}

Status TooLarge(const S3Metadata& metadata, const S3Layout& layout) {
  S3Metadata copy = metadata;
  const auto largest = LargestMovable(copy, layout);
  const std::string what =
      largest == copy.values.end()
          ? "the key"
          : Concat("attributes[", Quote(largest->first), "] of ", largest->second.size(), " bytes");
  return InvalidArgumentError(Concat(what, " does not fit: the index takes ", kMaxS3FilterableBytes,
                                     " bytes of metadata that filters reach, this would be ",
                                     S3MetadataBytes(metadata, layout, true),
                                     "; an index that embeddingsdb makes itself has room for it"));
}

/// Moves attributes out of the filters' reach until the rest fits.
Status MakeRoom(S3Metadata& metadata, const S3Layout& layout) {
  Attributes more;
  const auto move = [&](std::map<std::string, std::string>::iterator entry) {
    metadata.more_names.push_back(entry->first);
    more.insert(metadata.values.extract(entry));
  };
  // In a filter their names would be operators.
  for (auto it = metadata.values.begin(); layout.has_more() && it != metadata.values.end();) {
    const auto here = it++;
    if (here->first.starts_with('$')) {
      move(here);
    }
  }
  while (S3MetadataBytes(metadata, layout, true) > kMaxS3FilterableBytes) {
    const auto largest = LargestMovable(metadata, layout);
    if (!layout.has_more()) {
      return TooLarge(metadata, layout);
    }
    if (largest == metadata.values.end()) {
      if (metadata.more_names == std::vector<std::string>{std::string(kS3AnyName)}) {
        return TooLarge(metadata, layout);
      }
      metadata.more_names = {std::string(kS3AnyName)};
      continue;
    }
    move(largest);
  }
  if (!more.empty()) {
    metadata.values.emplace(kS3MoreKey, AttributesToJson(more));
  }
  return {};
}

void AddCondition(std::vector<std::string>& conditions, std::string_view name,
                  std::string_view value) {
  conditions.push_back(Concat("{", JsonString(name), ":{\"$eq\":", JsonString(value), "}}"));
}

/// The same for what may have been moved.
void AddMovable(std::vector<std::string>& conditions, std::string_view name, std::string_view value,
                const S3Layout& layout) {
  if (name.starts_with('$') || layout.non_filterable.contains(name)) {
    return;
  }
  AddCondition(conditions, name, value);
  if (layout.has_more()) {
    conditions.back() =
        Concat("{\"$or\":[", conditions.back(), ",{", JsonString(kS3MoreNamesKey), ":{\"$in\":[",
               JsonString(name), ",", JsonString(kS3AnyName), "]}}]}");
  }
}

void AddFilter(std::vector<std::string>& conditions, const Filter& filter, const S3Layout& layout) {
  switch (filter.column) {
    case Column::kProvider:
      AddCondition(conditions, kProvider, filter.value);
      break;
    case Column::kDepictionId:
      AddCondition(conditions, kDepictionId, filter.value);
      break;
    case Column::kModel:
      AddCondition(conditions, kModel, filter.value);
      break;
    case Column::kSubjectId:
      AddMovable(conditions, kSubjectId, filter.value, layout);
      break;
    case Column::kAttribute:
      AddMovable(conditions, filter.attribute, filter.value, layout);
      break;
    case Column::kWords:
      break;
  }
}

std::string Take(std::map<std::string, std::string>& metadata, std::string_view name) {
  const auto found = metadata.find(std::string(name));
  if (found == metadata.end()) {
    return {};
  }
  std::string value = std::move(found->second);
  metadata.erase(found);
  return value;
}

}  // namespace

Result<std::string> S3KeyOf(const Key& key, S3KeyForm keys) {
  if (keys == S3KeyForm::kV1) {
    std::string joined = DisplayKey(key);
    if (joined.size() > kMaxS3KeyBytes) {
      return InvalidArgumentError(Concat("the key ", Quote(joined), " has ", joined.size(),
                                         " bytes, the limit is ", kMaxS3KeyBytes,
                                         "; with keys=v2 it may be longer"));
    }
    return joined;
  }
  const std::string joined = Concat("v2:", key.provider.size(), ":", key.depiction_id.size(), ":",
                                    key.provider, key.depiction_id, key.model);
  return joined.size() <= kMaxS3KeyBytes ? joined : Concat("v2:sha256:", Sha256Hex(joined));
}

std::size_t S3MetadataBytes(const S3Metadata& metadata, const S3Layout& layout, bool filterable) {
  std::size_t bytes = kObjectBytes;
  for (const auto& [name, value] : metadata.values) {
    if (!filterable || !layout.non_filterable.contains(name)) {
      bytes += EntryBytes(name, value);
    }
  }
  if (!metadata.more_names.empty()) {
    bytes += EntryBytes(kS3MoreNamesKey, "");
    for (const std::string& name : metadata.more_names) {
      bytes += kElementBytes + name.size();
    }
  }
  return bytes;
}

Result<S3Metadata> S3MetadataOf(const Record& record, const S3Layout& layout) {
  S3Metadata metadata;
  for (const auto& [name, value] : record.attributes) {
    if (IsReserved(name)) {
      return InvalidArgumentError(
          Concat("attributes[", Quote(name), "] has a name that s3vectors:// uses itself"));
    }
    metadata.values.emplace(name, value);
  }
  metadata.values.emplace(kModel, record.key.model);
  metadata.values.emplace(kProvider, record.key.provider);
  metadata.values.emplace(kSubjectId, record.subject_id);
  metadata.values.emplace(kDepictionId, record.key.depiction_id);
  metadata.values.emplace(kCreated, std::to_string(record.created));
  EDB_TRY(MakeRoom(metadata, layout));
  if (const std::size_t bytes = S3MetadataBytes(metadata, layout, false);
      bytes > kMaxS3MetadataBytes) {
    return InvalidArgumentError(Concat("attributes would be ", bytes,
                                       " bytes of metadata, S3 Vectors takes ",
                                       kMaxS3MetadataBytes));
  }
  return metadata;
}

Result<Record> RecordOf(S3Vector vector) {
  Record record;
  const auto lost = [&vector](std::string_view why) {
    return DataLossError(Concat("the vector ", Quote(vector.key), " is no record: ", why));
  };
  if (const std::string more = Take(vector.metadata, kS3MoreKey); !more.empty()) {
    Result<Attributes> attributes = AttributesFromJson(more);
    if (!attributes.ok()) {
      return lost(Concat(kS3MoreKey, " cannot be read"));
    }
    vector.metadata.insert(attributes->begin(), attributes->end());
  }
  Take(vector.metadata, kS3MoreNamesKey);
  record.key = {.provider = Take(vector.metadata, kProvider),
                .depiction_id = Take(vector.metadata, kDepictionId),
                .model = Take(vector.metadata, kModel)};
  record.subject_id = Take(vector.metadata, kSubjectId);
  const std::string created = Take(vector.metadata, kCreated);
  const auto [end, error] =
      std::from_chars(created.data(), created.data() + created.size(), record.created);
  if (!created.empty() && (error != std::errc() || end != created.data() + created.size())) {
    return lost(Concat(kCreated, " is ", Quote(created)));
  }
  if (record.key.provider.empty() || record.key.depiction_id.empty() || record.key.model.empty()) {
    return lost("it lacks x-provider, x-depiction-id or x-model");
  }
  record.embedding = std::move(vector.data);
  record.attributes.merge(vector.metadata);
  return record;
}

std::string S3FilterOf(const SimilarQuery& query, const S3Layout& layout) {
  std::vector<std::string> conditions;
  AddCondition(conditions, kModel, query.model);
  if (query.provider) {
    AddCondition(conditions, kProvider, *query.provider);
  }
  if (!query.exclude.empty()) {
    std::string excluded;
    for (std::size_t i = 0; i < std::min(query.exclude.size(), kMaxExcludedInFilter); ++i) {
      excluded += Concat(excluded.empty() ? "" : ",", JsonString(query.exclude[i]));
    }
    conditions.push_back(Concat("{", JsonString(kDepictionId), ":{\"$nin\":[", excluded, "]}}"));
  }
  for (const Filter& filter : query.filters) {
    AddFilter(conditions, filter, layout);
  }
  if (conditions.size() == 1) {
    return conditions.front();
  }
  std::string all;
  for (const std::string& condition : conditions) {
    all += Concat(all.empty() ? "" : ",", condition);
  }
  return Concat("{\"$and\":[", all, "]}");
}

}  // namespace embeddingsdb::s3vectors
