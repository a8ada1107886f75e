// SPDX-License-Identifier: BSD-3-Clause
#include "engines/multi/routing.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>

#include "embeddingsdb/query.h"

#include "core/text.h"
#include "engines/database_base.h"

namespace embeddingsdb {
namespace {

/// Where records of a model go.
struct Place {
  std::vector<const Member*> holders;  // for a new model the one member it goes to
  std::size_t length = 0;              // of its vectors; 0 when only the member knows
};
using Places = std::map<std::string_view, Place>;

/// "sqlite://a takes 3, lmdb://b takes any but is read-only".
std::string WhatMembersTake(const std::vector<Member>& members) {
  std::string out;
  for (const Member& member : members) {
    out += Concat(out.empty() ? "" : ", ", member.name, " takes ",
                  member.dimensions ? std::to_string(*member.dimensions) : std::string("any"),
                  member.read_only ? " but is read-only" : "");
  }
  return out;
}

Result<const Member*> HomeOfNewModel(const std::vector<Member>& members, const Record& record) {
  const Member* fallback = nullptr;
  for (const Member& member : members) {
    if (member.read_only) {
      continue;
    }
    if (member.dimensions == static_cast<int>(record.embedding.size())) {
      return &member;
    }
    if (!member.dimensions && fallback == nullptr) {
      fallback = &member;
    }
  }
  if (fallback != nullptr) {
    return fallback;
  }
  return InvalidArgumentError(Concat("no database takes the ", record.embedding.size(),
                                     " elements of ", DisplayKey(record.key), ": ",
                                     WhatMembersTake(members)));
}

Result<Place> FindPlace(const std::vector<Member>& members, const Record& record) {
  Place place;
  EDB_ASSIGN(place.holders, Holders(members, record.key.model));
  if (place.holders.empty()) {
    EDB_ASSIGN(const Member* home, HomeOfNewModel(members, record));
    place.holders.push_back(home);
    place.length = record.embedding.size();
  } else if (const std::optional<int>& taken = place.holders.front()->dimensions) {
    place.length = static_cast<std::size_t>(*taken);
  }
  return place;
}

/// Where a record goes when several members have its model: never a second time beside itself.
Result<const Member*> FindRecord(const std::vector<const Member*>& holders, const Key& key) {
  for (const Member* holder : holders) {
    const Status found = holder->database->Get(key).status();
    if (found.ok()) {
      return holder;
    }
    if (found.code() != StatusCode::kNotFound) {
      return Named(*holder, found);
    }
  }
  return holders.front();
}

/// The length of the vectors that a member has of a model; 0 when it has none.
Result<std::size_t> StoredLength(const Member& member, std::string_view model) {
  EDB_ASSIGN(
      const RecordPage page,
      Named(member,
            member.database->List(
                {.page = 1, .per_page = 1, .filters = {{Column::kModel, std::string(model)}}})));
  return page.records.empty() ? 0 : page.records.front().embedding.size();
}

Status CheckLengths(const Places& places, std::span<const Record* const> records) {
  for (const Record* record : records) {
    const std::string& model = record->key.model;
    const std::size_t length = places.find(model)->second.length;
    if (length != 0 && record->embedding.size() != length) {
      return WrongDimension(DisplayKey(record->key), model, record->embedding.size(), length);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<const Member*>> Holders(const std::vector<Member>& members,
                                           const std::string& model) {
  std::vector<const Member*> holders;
  for (const Member& member : members) {
    EDB_ASSIGN(const std::vector<std::string> models, Named(member, member.database->Models({})));
    if (std::binary_search(models.begin(), models.end(), model)) {
      holders.push_back(&member);
    }
  }
  return holders;
}

Result<std::vector<Part>> Route(const std::vector<Member>& members,
                                std::span<const Record* const> records) {
  Places places;
  std::map<const Member*, std::size_t> part_of;
  std::vector<Part> parts;
  for (const Record* record : records) {
    auto place = places.find(record->key.model);
    if (place == places.end()) {
      EDB_ASSIGN(Place found, FindPlace(members, *record));
      place = places.emplace(record->key.model, std::move(found)).first;
    }
    const std::vector<const Member*>& holders = place->second.holders;
    const Member* target = holders.front();
    if (holders.size() > 1) {
      EDB_ASSIGN(target, FindRecord(holders, record->key));
    }
    const auto [part, added] = part_of.emplace(target, parts.size());
    if (added) {
      parts.push_back({.member = target, .records = {}});
    }
    parts[part->second].records.push_back(record);
  }
  // A single member checks what it has for itself, and stores nothing when that is wrong.
  for (auto& [model, place] : places) {
    if (parts.size() > 1 && place.length == 0) {
      EDB_ASSIGN(place.length, StoredLength(*place.holders.front(), model));
    }
  }
  EDB_TRY(CheckLengths(places, records));
  return parts;
}

}  // namespace embeddingsdb
