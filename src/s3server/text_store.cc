// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/text_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kProvider = "s3vectors";
constexpr std::string_view kText = "text";
constexpr std::string_view kParts = "parts";
// Not all of what a value may have: a cut goes back to the beginning of a character.
constexpr std::size_t kPartBytes = kMaxAttributeValueBytes - 8;

/// Texts are JSON, so they hold no NUL.
std::string_view TakePart(std::string_view& text) {
  std::size_t size = std::min(text.size(), kPartBytes);
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  const std::string_view part = text.substr(0, size);
  text.remove_prefix(size);
  return part;
}

std::size_t PartsOf(const Record& record) {
  const auto found = record.attributes.find(kParts);
  std::size_t parts = 0;
  if (found != record.attributes.end()) {
    const std::string& text = found->second;
    std::from_chars(text.data(), text.data() + text.size(), parts);
  }
  return parts;
}

std::string TextOf(const Record& record) {
  const auto found = record.attributes.find(kText);
  return found == record.attributes.end() ? std::string() : found->second;
}

}  // namespace

Key TextStore::KeyOf(std::string_view name, std::size_t part) const {
  return {
      .provider = std::string(kProvider), .depiction_id = Concat(name, "#", part), .model = model_};
}

std::vector<Record> TextStore::RecordsOf(std::string_view name, std::string_view text,
                                         std::int64_t now) const {
  std::vector<Record> records;
  do {
    const std::string_view part = TakePart(text);
    Record& record = records.emplace_back();
    record.key = KeyOf(name, records.size() - 1);
    record.embedding.assign(static_cast<std::size_t>(dimension_), 1.0F);
    record.created = now;
    record.attributes.emplace(kText, part);
  } while (!text.empty());
  for (Record& record : records) {
    record.attributes.emplace(kParts, std::to_string(records.size()));
  }
  return records;
}

Result<std::size_t> TextStore::CountParts(std::string_view name) {
  const Result<Record> first = database_->Get(KeyOf(name, 0));
  if (first.ok()) {
    return PartsOf(*first);
  }
  if (first.status().code() == StatusCode::kNotFound) {
    return std::size_t{0};
  }
  return first.status();
}

Status TextStore::RemoveParts(std::string_view name, std::size_t begin, std::size_t end) {
  // The first is the last to go: while it is there, it says what is left.
  for (std::size_t part = end; part > begin; --part) {
    EDB_TRY(database_->Remove(KeyOf(name, part - 1)).status());
  }
  return {};
}

Status TextStore::Put(std::string_view name, std::string_view text, std::int64_t now) {
  EDB_ASSIGN(const std::size_t before, CountParts(name));
  const std::vector<Record> records = RecordsOf(name, text, now);
  EDB_TRY(database_->AddBatch(records).status());
  return RemoveParts(name, records.size(), std::max(before, records.size()));
}

Result<std::string> TextStore::Get(std::string_view name) {
  EDB_ASSIGN(const Record first, database_->Get(KeyOf(name, 0)));
  std::string text = TextOf(first);
  for (std::size_t part = 1; part < PartsOf(first); ++part) {
    EDB_ASSIGN(const Record next, database_->Get(KeyOf(name, part)));
    text += TextOf(next);
  }
  return text;
}

Status TextStore::Remove(std::string_view name) {
  EDB_ASSIGN(const std::size_t parts, CountParts(name));
  return RemoveParts(name, 0, parts);
}

Result<std::map<std::string, std::string>> TextStore::All() {
  EDB_ASSIGN(const auto cursor,
             database_->Scan({{.column = Column::kModel, .value = model_},
                              {.column = Column::kProvider, .value = std::string(kProvider)}}));
  std::map<std::string, std::map<std::size_t, Record>> found;
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor->Next(record));
    if (!more) {
      break;
    }
    const std::string& id = record.key.depiction_id;
    const std::size_t hash = id.rfind('#');
    std::size_t part = 0;
    std::from_chars(id.data() + hash + 1, id.data() + id.size(), part);
    found[id.substr(0, hash)].emplace(part, record);
  }
  std::map<std::string, std::string> texts;
  for (const auto& [name, parts] : found) {
    const auto first = parts.find(0);
    if (first == parts.end()) {
      return DataLossError(Concat("text ", Quote(name), " has no beginning"));
    }
    std::string& text = texts[name];
    for (std::size_t part = 0; part < PartsOf(first->second); ++part) {
      const auto next = parts.find(part);
      if (next == parts.end()) {
        return DataLossError(Concat("text ", Quote(name), " lacks part ", part));
      }
      text += TextOf(next->second);
    }
  }
  return texts;
}

}  // namespace embeddingsdb
