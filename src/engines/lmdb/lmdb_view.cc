// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_view.h"

#include <cstring>

#include "core/text.h"

namespace embeddingsdb {
namespace {

bool Differs(const std::optional<std::string_view>& wanted, std::string_view value) {
  return wanted && *wanted != value;
}

}  // namespace

LmdbWanted LmdbWanted::Of(const std::vector<Filter>& filters) {
  LmdbWanted wanted;
  for (const Filter& filter : filters) {
    std::optional<std::string_view>* value = nullptr;
    switch (filter.column) {
      case Column::kProvider:
        value = &wanted.provider;
        break;
      case Column::kDepictionId:
        value = &wanted.depiction_id;
        break;
      case Column::kSubjectId:
        value = &wanted.subject_id;
        break;
      case Column::kModel:
        value = &wanted.model;
        break;
      case Column::kAttribute:
      case Column::kWords:
        continue;
    }
    wanted.nothing = wanted.nothing || Differs(*value, filter.value);
    *value = filter.value;
  }
  return wanted;
}

bool LmdbWanted::Matches(const ListKeyParts& parts) const {
  return !nothing && !Differs(provider, parts.provider) &&
         !Differs(depiction_id, parts.depiction_id) && !Differs(subject_id, parts.subject_id) &&
         !Differs(model, parts.model);
}

Status InRow(const Status& status, RowId row) {
  return status.ok() ? status : status.WithContext(Concat("row ", row));
}

Result<std::uint64_t> LmdbView::Meta(std::string_view name) const {
  EDB_ASSIGN(const auto value, FindMeta(name));
  if (!value) {
    return DataLossError(Concat("table meta lacks ", name));
  }
  return *value;
}

Result<std::optional<std::uint64_t>> LmdbView::FindMeta(std::string_view name) const {
  EDB_ASSIGN(const auto value, txn_.Get(tables_.meta, name));
  if (!value) {
    return std::optional<std::uint64_t>();
  }
  EDB_ASSIGN(const std::uint64_t number, LmdbNumber::Parse(*value));
  return std::optional(number);
}

Result<std::optional<RowId>> LmdbView::Find(const Key& key, std::uint64_t hash) const {
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(txn_, tables_.keys));
  const std::string hash_bytes = BigEndian(hash);
  EDB_ASSIGN(bool more, cursor.SeekPair(kKeysKey, KeyPair(hash, 0)));
  while (more && cursor.value().starts_with(hash_bytes)) {
    const auto id = static_cast<RowId>(FromBigEndian(cursor.value().substr(hash_bytes.size())));
    EDB_ASSIGN(const LmdbRow row, NamedRow(id));
    if (row.depiction_id == key.depiction_id) {
      EDB_ASSIGN(const auto* names, SpaceNames(row.space));
      if (names->first == key.model && names->second == key.provider) {
        return std::optional<RowId>(id);
      }
    }
    EDB_ASSIGN(more, cursor.Next());
  }
  return std::optional<RowId>();
}

Result<std::optional<LmdbRow>> LmdbView::Row(RowId id) const {
  EDB_ASSIGN(const auto bytes, txn_.Get(tables_.rows, LmdbNumber(id).bytes()));
  if (!bytes) {
    return std::optional<LmdbRow>();
  }
  const Result<LmdbRow> row = DecodeRow(*bytes);
  if (!row.ok()) {
    return InRow(row.status(), id);
  }
  return std::optional<LmdbRow>(*row);
}

Result<LmdbRow> LmdbView::NamedRow(RowId id) const {
  EDB_ASSIGN(const std::optional<LmdbRow> row, Row(id));
  if (!row) {
    return InRow(DataLossError("an index names it, but it is not there"), id);
  }
  return *row;
}

Status LmdbView::ReadFields(RowId id, const LmdbRow& row, Record& record) const {
  Result<const std::pair<std::string, std::string>*> names = SpaceNames(row.space);
  if (!names.ok()) {
    return InRow(names.status(), id);
  }
  record.key.model = (*names)->first;
  record.key.provider = (*names)->second;
  record.key.depiction_id = row.depiction_id;
  return ReadFieldsOf(id, row, record.key, record);
}

Status LmdbView::ReadFieldsOf(RowId id, LmdbRow row, const Key& key, Record& record) const {
  // With the key that is expected: were it another row's, the checksum would not fit.
  row.depiction_id = key.depiction_id;
  if (FieldsChecksum(row, key.model, key.provider) != row.checksum.fields) {
    return InRow(DataLossError("it differs from its checksum"), id);
  }
  record.subject_id = row.subject_id;
  record.created = row.created;
  return InRow(ReadAttributes(row, record), id);
}

Status LmdbView::ReadAttributes(const LmdbRow& row, Record& record) const {
  const std::uint64_t shape = ShapeOf(row.attributes);
  const LmdbShape* names = nullptr;
  if (shape != kNoShape) {
    EDB_ASSIGN(names, ShapeNames(shape));
  }
  EDB_ASSIGN(record.attributes, DecodeAttributes(row.attributes, names));
  return {};
}

Result<std::string> LmdbView::JoinedKey(const LmdbRow& row) const {
  EDB_ASSIGN(const auto* names, SpaceNames(row.space));
  return JoinListKey({.subject_id = row.subject_id,
                      .depiction_id = row.depiction_id,
                      .model = names->first,
                      .provider = names->second});
}

Result<const std::pair<std::string, std::string>*> LmdbView::SpaceNames(std::uint64_t id) const {
  const auto known = names_.spaces.find(id);
  if (known != names_.spaces.end()) {
    return &known->second;
  }
  EDB_ASSIGN(const auto bytes, txn_.Get(tables_.spaces, LmdbNumber(id).bytes()));
  if (!bytes) {
    return DataLossError(Concat("there is no space ", id));
  }
  EDB_ASSIGN(LmdbSpace space, DecodeSpace(id, *bytes));
  auto& names = names_.spaces[id];
  names = {std::move(space.model), std::move(space.provider)};
  return &names;
}

Result<const LmdbShape*> LmdbView::ShapeNames(std::uint64_t id) const {
  const auto known = names_.shapes.find(id);
  if (known != names_.shapes.end()) {
    return &known->second;
  }
  EDB_ASSIGN(const auto bytes, txn_.Get(tables_.shapes, LmdbNumber(id).bytes()));
  if (!bytes) {
    return DataLossError(Concat("there is no shape ", id));
  }
  EDB_ASSIGN(LmdbShape shape, DecodeShape(id, *bytes));
  LmdbShape& names = names_.shapes[id];
  names = std::move(shape);
  return &names;
}

Result<std::vector<std::pair<std::uint64_t, LmdbSpace>>> LmdbView::Spaces(
    const LmdbWanted& wanted) const {
  std::vector<std::pair<std::uint64_t, LmdbSpace>> spaces;
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(txn_, tables_.spaces));
  EDB_ASSIGN(bool more, cursor.First());
  while (more) {
    EDB_ASSIGN(const std::uint64_t id, LmdbNumber::Parse(cursor.key()));
    EDB_ASSIGN(LmdbSpace space, DecodeSpace(id, cursor.value()));
    if (!wanted.nothing && !Differs(wanted.model, space.model) &&
        !Differs(wanted.provider, space.provider)) {
      spaces.emplace_back(id, std::move(space));
    }
    EDB_ASSIGN(more, cursor.Next());
  }
  return spaces;
}

Result<LmdbVectors> LmdbVectors::Open(const LmdbView& view) {
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(view.txn(), view.tables().vectors));
  return LmdbVectors(std::move(cursor));
}

Result<std::string_view> LmdbVectors::Get(RowId row, std::uint32_t checksum) {
  if (!chunk_ || row > last_row_ || row < chunk_->row(0)) {
    chunk_.reset();
    EDB_ASSIGN(const bool found, cursor_.Seek(LmdbNumber(row).bytes()));
    if (!found) {
      return InRow(DataLossError("it has no embedding"), row);
    }
    EDB_ASSIGN(const std::uint64_t last, LmdbNumber::Parse(cursor_.key()));
    const Result<LmdbChunk> chunk = LmdbChunk::Parse(cursor_.value());
    if (!chunk.ok()) {
      return InRow(chunk.status(), row);
    }
    chunk_ = *chunk;
    last_row_ = static_cast<RowId>(last);
  }
  const std::optional<std::string_view> vector = chunk_->Find(row);
  if (!vector) {
    return InRow(DataLossError("it has no embedding"), row);
  }
  if (RowChecksum::OfVector(std::as_bytes(std::span(*vector))) != checksum) {
    return InRow(DataLossError("embedding differs from its checksum"), row);
  }
  if (vector->empty() || vector->size() % sizeof(float) != 0) {
    return InRow(DataLossError(Concat("embedding has ", vector->size(),
                                      " bytes, which is no whole number of float32")),
                 row);
  }
  return *vector;
}

Status LmdbVectors::Read(RowId row, std::uint32_t checksum, std::vector<float>& vector) {
  EDB_ASSIGN(const std::string_view bytes, Get(row, checksum));
  // Copied, because LMDB aligns small values to two bytes only.
  vector.resize(bytes.size() / sizeof(float));
  std::memcpy(vector.data(), bytes.data(), bytes.size());
  return {};
}

}  // namespace embeddingsdb
