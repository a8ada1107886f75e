// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_batch.h"

#include <algorithm>
#include <string_view>

#include "core/text.h"

namespace embeddingsdb {
namespace {

std::string_view BytesOf(const std::vector<float>& vector) {
  return {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)};
}

LmdbShape NamesOf(const Attributes& attributes) {
  LmdbShape names;
  names.reserve(attributes.size());
  for (const auto& [name, value] : attributes) {
    names.push_back(name);
  }
  return names;
}

}  // namespace

Result<std::vector<PutResult>> LmdbBatch::Put(std::span<const Record* const> records,
                                              std::int64_t now) {
  EDB_ASSIGN(const std::uint64_t next_row, view_.Meta(kNextRowKey));
  EDB_ASSIGN(next_space_, view_.Meta(kNextSpaceKey));
  EDB_ASSIGN(next_shape_, view_.Meta(kNextShapeKey));
  first_row_ = static_cast<RowId>(next_row);
  std::vector<PutResult> results(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    results[i].row = first_row_ + static_cast<RowId>(i);
  }
  EDB_TRY(PutKeys(records, results));
  EDB_TRY(PutRows(records, now));
  EDB_TRY(PutList(records));
  EDB_TRY(PutVectors(records));
  EDB_TRY(TrimChunks());
  EDB_TRY(PutMeta(kNextRowKey, next_row + records.size()));
  EDB_TRY(PutMeta(kNextSpaceKey, next_space_));
  EDB_TRY(PutMeta(kNextShapeKey, next_shape_));
  EDB_TRY(Finish(now));
  return results;
}

Result<std::vector<std::optional<RowId>>> LmdbBatch::Remove(std::span<const Key> keys,
                                                            std::int64_t now) {
  std::vector<std::optional<RowId>> rows;
  rows.reserve(keys.size());
  bool any = false;
  for (const Key& key : keys) {
    const std::uint64_t hash = hash_(key);
    EDB_ASSIGN(const std::optional<RowId> id, view_.Find(key, hash));
    if (id) {
      EDB_TRY(RemoveRow(*id, hash));
      any = true;
    }
    rows.push_back(id);
  }
  if (any) {
    EDB_TRY(TrimChunks());
    EDB_TRY(Finish(now));
  }
  return rows;
}

void LmdbBatch::MoveTo(LmdbKnown& known) {
  known.shapes.merge(added_.shapes);
  known.spaces.merge(added_.spaces);
  for (const auto& [id, space] : touched_) {
    if (space.rows == 0) {
      known.spaces.erase({space.model, space.provider});
    }
  }
}

// In the order of the table, which keeps what is next to each other in the processor's caches.
Status LmdbBatch::PutKeys(std::span<const Record* const> records, std::vector<PutResult>& results) {
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  order.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    order.emplace_back(hash_(records[i]->key), i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [hash, i] : order) {
    EDB_ASSIGN(const std::optional<RowId> replaced, view_.Find(records[i]->key, hash));
    EDB_TRY(replaced ? RemoveRow(*replaced, hash) : Status());
    results[i].replaced = replaced;
  }
  // Only now: a key with the same hash would otherwise be compared with a row that is not there.
  for (const auto& [hash, i] : order) {
    EDB_TRY(txn_.Put(tables_.keys, kKeysKey, KeyPair(hash, results[i].row), LmdbPut::kNewPair));
  }
  return {};
}

Status LmdbBatch::PutRows(std::span<const Record* const> records, std::int64_t now) {
  std::string bytes;
  RowId id = first_row_;
  for (const Record* record : records) {
    EDB_ASSIGN(const std::uint64_t shape, ShapeOfNames(record->attributes));
    const std::string attributes = EncodeAttributes(record->attributes, shape);
    EDB_ASSIGN(const std::uint64_t space, SpaceOf(*record));
    LmdbRow row = {.created = record->created,
                   .lastmodified = now,
                   .space = space,
                   .depiction_id = record->key.depiction_id,
                   .subject_id = record->subject_id,
                   .attributes = attributes};
    row.checksum = {FieldsChecksum(row, record->key.model, record->key.provider),
                    RowChecksum::OfVector(std::as_bytes(std::span(record->embedding)))};
    EncodeRow(row, bytes);
    EDB_TRY(txn_.Put(tables_.rows, LmdbNumber(id).bytes(), bytes, LmdbPut::kAppend));
    ++id;
  }
  return {};
}

Status LmdbBatch::PutList(std::span<const Record* const> records) {
  std::vector<std::pair<std::string, RowId>> entries;
  entries.reserve(records.size());
  RowId id = first_row_;
  for (const Record* record : records) {
    const std::string joined = JoinListKey({.subject_id = record->subject_id,
                                            .depiction_id = record->key.depiction_id,
                                            .model = record->key.model,
                                            .provider = record->key.provider});
    entries.emplace_back(ListTableKey(joined, id), id);
    ++id;
  }
  std::sort(entries.begin(), entries.end());
  for (const auto& [key, row] : entries) {
    EDB_TRY(txn_.Put(tables_.list, key, LmdbNumber(row).bytes(), LmdbPut::kNew));
  }
  return {};
}

Status LmdbBatch::PutVectors(std::span<const Record* const> records) {
  std::string reopened;
  LmdbChunkBuilder builder;
  EDB_TRY(ReopenChunk(BytesOf(records.front()->embedding).size(), reopened, builder));
  RowId id = first_row_;
  for (const Record* record : records) {
    const std::string_view vector = BytesOf(record->embedding);
    EDB_TRY(builder.HasRoomFor(vector.size()) ? Status() : CloseChunk(builder));
    builder.Add(id++, vector);
  }
  return CloseChunk(builder);
}

Status LmdbBatch::ReopenChunk(std::size_t vector_bytes, std::string& bytes,
                              LmdbChunkBuilder& builder) {
  std::string key;
  {
    EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(txn_, tables_.vectors));
    EDB_ASSIGN(const bool found, cursor.Last());
    if (!found) {
      return {};
    }
    key = cursor.key();
    bytes = cursor.value();
  }
  EDB_ASSIGN(const LmdbChunk chunk, LmdbChunk::Parse(bytes));
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    builder.Add(chunk.row(i), chunk.vector(i));
  }
  if (!builder.HasRoomFor(vector_bytes)) {
    builder.Clear();
    return {};
  }
  return txn_.Delete(tables_.vectors, key);
}

Status LmdbBatch::CloseChunk(LmdbChunkBuilder& builder) {
  EDB_ASSIGN(char* out, txn_.Reserve(tables_.vectors, LmdbNumber(builder.last_row()).bytes(),
                                     builder.bytes(), LmdbPut::kAppend));
  builder.WriteTo(out);
  builder.Clear();
  return {};
}

Status LmdbBatch::RemoveRow(RowId id, std::uint64_t hash) {
  EDB_ASSIGN(const LmdbRow row, view_.NamedRow(id));
  EDB_ASSIGN(const std::string joined, view_.JoinedKey(row));
  EDB_ASSIGN(LmdbSpace * space, Touch(row.space));
  --space->rows;
  if (const Status status = txn_.Delete(tables_.list, ListTableKey(joined, id)); !status.ok()) {
    return InRow(status, id);
  }
  EDB_TRY(txn_.Delete(tables_.keys, kKeysKey, KeyPair(hash, id)));
  EDB_TRY(txn_.Delete(tables_.rows, LmdbNumber(id).bytes()));
  removed_.push_back(id);
  return {};
}

Status LmdbBatch::TrimChunks() {
  std::sort(removed_.begin(), removed_.end());
  for (auto row = removed_.begin(); row != removed_.end();) {
    std::uint64_t key = 0;
    std::string bytes;
    {
      EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(txn_, tables_.vectors));
      EDB_ASSIGN(const bool found, cursor.Seek(LmdbNumber(*row).bytes()));
      if (!found) {
        return InRow(DataLossError("it has no embedding"), *row);
      }
      EDB_ASSIGN(key, LmdbNumber::Parse(cursor.key()));
      bytes = cursor.value();
    }
    EDB_ASSIGN(const LmdbChunk chunk, LmdbChunk::Parse(bytes));
    EDB_TRY(TrimChunk(key, chunk));
    row = std::upper_bound(row, removed_.end(), static_cast<RowId>(key));
  }
  return {};
}

Status LmdbBatch::TrimChunk(std::uint64_t key, const LmdbChunk& chunk) {
  LmdbChunkBuilder live;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    EDB_ASSIGN(const auto row, txn_.Get(tables_.rows, LmdbNumber(chunk.row(i)).bytes()));
    if (row) {
      live.Add(chunk.row(i), chunk.vector(i));
      ++rows;
    }
  }
  if (2 * rows > chunk.size()) {
    return {};
  }
  EDB_TRY(txn_.Delete(tables_.vectors, LmdbNumber(key).bytes()));
  if (rows == 0) {
    return {};
  }
  // Under the same key, which keeps the ranges of neighbours as they are.
  EDB_ASSIGN(char* out,
             txn_.Reserve(tables_.vectors, LmdbNumber(key).bytes(), live.bytes(), LmdbPut::kNew));
  live.WriteTo(out);
  return {};
}

Result<std::uint64_t> LmdbBatch::SpaceOf(const Record& record) {
  const std::pair<std::string, std::string> names = {record.key.model, record.key.provider};
  std::uint64_t id = 0;
  if (const auto known = known_.spaces.find(names); known != known_.spaces.end()) {
    id = known->second;
  } else {
    const auto [added, is_new] = added_.spaces.try_emplace(names, next_space_);
    id = added->second;
    if (is_new) {
      ++next_space_;
      touched_[id] = {.model = names.first, .provider = names.second};
    }
  }
  EDB_ASSIGN(LmdbSpace * space, Touch(id));
  ++space->rows;
  space->dimension = static_cast<int>(record.embedding.size());
  return id;
}

Result<LmdbSpace*> LmdbBatch::Touch(std::uint64_t id) {
  const auto touched = touched_.find(id);
  if (touched != touched_.end()) {
    return &touched->second;
  }
  EDB_ASSIGN(const auto bytes, txn_.Get(tables_.spaces, LmdbNumber(id).bytes()));
  if (!bytes) {
    return DataLossError(Concat("there is no space ", id));
  }
  EDB_ASSIGN(LmdbSpace space, DecodeSpace(id, *bytes));
  return &touched_.emplace(id, std::move(space)).first->second;
}

Result<std::uint64_t> LmdbBatch::ShapeOfNames(const Attributes& attributes) {
  std::string encoded = EncodeShape(NamesOf(attributes));
  if (const auto known = known_.shapes.find(encoded); known != known_.shapes.end()) {
    return known->second;
  }
  if (const auto added = added_.shapes.find(encoded); added != added_.shapes.end()) {
    return added->second;
  }
  if (next_shape_ > kMaxShapes) {
    return kNoShape;
  }
  const std::uint64_t id = next_shape_++;
  EDB_TRY(txn_.Put(tables_.shapes, LmdbNumber(id).bytes(), encoded, LmdbPut::kAppend));
  added_.shapes.emplace(std::move(encoded), id);
  return id;
}

Status LmdbBatch::Finish(std::int64_t now) {
  for (const auto& [id, space] : touched_) {
    const LmdbNumber key(id);
    EDB_TRY(space.rows > 0 ? txn_.Put(tables_.spaces, key.bytes(), EncodeSpace(space))
                           : txn_.Delete(tables_.spaces, key.bytes()));
  }
  return PutMeta(kLastUpdateKey, static_cast<std::uint64_t>(now));
}

Status LmdbBatch::PutMeta(std::string_view name, std::uint64_t value) {
  return txn_.Put(tables_.meta, name, LmdbNumber(value).bytes());
}

}  // namespace embeddingsdb
