// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_rows.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/text.h"

namespace embeddingsdb {
namespace {

using duckdb_c::Appender;
using duckdb_c::Chunk;
using duckdb_c::Column;
using duckdb_c::Connection;
using duckdb_c::LogicalType;
using duckdb_c::RowSource;
using duckdb_c::SetText;
using duckdb_c::Values;

constexpr char kSeparator = '\x1f';
constexpr const char* kRowSource = "embeddingsdb_rows";

// The order of the columns of db.embeddings.
enum : std::size_t {
  kId,
  kProvider,
  kDepictionId,
  kSubjectId,
  kModel,
  kDimensions,
  kCreated,
  kLastModified,
  kAttributes,
  kVec
};

LogicalType Text() {
  return LogicalType::Plain(DUCKDB_TYPE_VARCHAR);
}
LogicalType BigInt() {
  return LogicalType::Plain(DUCKDB_TYPE_BIGINT);
}

RowSource::Columns EmbeddingsColumns() {
  RowSource::Columns columns;
  columns.emplace_back("id", BigInt());
  for (const char* name : {"provider", "depiction_id", "subject_id", "model"}) {
    columns.emplace_back(name, Text());
  }
  columns.emplace_back("dimensions", LogicalType::Plain(DUCKDB_TYPE_INTEGER));
  columns.emplace_back("created", BigInt());
  columns.emplace_back("lastmodified", BigInt());
  columns.emplace_back("attributes", LogicalType::Map(Text(), Text()));
  columns.emplace_back("vec", LogicalType::List(LogicalType::Plain(DUCKDB_TYPE_FLOAT)));
  return columns;
}

Status FillAttributes(duckdb_vector map, std::span<const Record* const> records) {
  std::size_t total = 0;
  for (const Record* record : records) {
    total += record->attributes.size();
  }
  EDB_TRY(duckdb_c::ResizeList(map, total));
  duckdb_vector entries = duckdb_list_vector_get_child(map);
  duckdb_vector keys = duckdb_struct_vector_get_child(entries, 0);
  duckdb_vector values = duckdb_struct_vector_get_child(entries, 1);
  auto* lists = Values<duckdb_list_entry>(map);
  std::size_t next = 0;
  for (std::size_t row = 0; row < records.size(); ++row) {
    lists[row] = {next, records[row]->attributes.size()};
    for (const auto& [key, value] : records[row]->attributes) {
      SetText(keys, next, key);
      SetText(values, next, value);
      ++next;
    }
  }
  return {};
}

Status FillVectors(duckdb_vector list, std::span<const Record* const> records) {
  std::size_t total = 0;
  for (const Record* record : records) {
    total += record->embedding.size();
  }
  EDB_TRY(duckdb_c::ResizeList(list, total));
  auto* floats = Values<float>(duckdb_list_vector_get_child(list));
  auto* lists = Values<duckdb_list_entry>(list);
  std::size_t next = 0;
  for (std::size_t row = 0; row < records.size(); ++row) {
    const std::vector<float>& embedding = records[row]->embedding;
    lists[row] = {next, embedding.size()};
    std::memcpy(floats + next, embedding.data(), embedding.size() * sizeof(float));
    next += embedding.size();
  }
  return {};
}

Status Fill(duckdb_data_chunk chunk, const DuckdbBatch& batch) {
  const auto& [records, first_id, modified] = batch;
  const auto column = [chunk](std::size_t i) { return duckdb_data_chunk_get_vector(chunk, i); };
  for (std::size_t row = 0; row < records.size(); ++row) {
    const Record& record = *records[row];
    Values<std::int64_t>(column(kId))[row] = first_id + static_cast<RowId>(row);
    SetText(column(kProvider), row, record.key.provider);
    SetText(column(kDepictionId), row, record.key.depiction_id);
    SetText(column(kSubjectId), row, record.subject_id);
    SetText(column(kModel), row, record.key.model);
    Values<std::int32_t>(column(kDimensions))[row] =
        static_cast<std::int32_t>(record.embedding.size());
    Values<std::int64_t>(column(kCreated))[row] = record.created;
    Values<std::int64_t>(column(kLastModified))[row] = modified[row];
  }
  EDB_TRY(FillAttributes(column(kAttributes), records));
  EDB_TRY(FillVectors(column(kVec), records));
  return {};
}

}  // namespace

std::string EncodeDuckdbKey(const Key& key) {
  std::string text;
  text.reserve(key.provider.size() + key.depiction_id.size() + key.model.size() + 2);
  text += key.provider;
  text += kSeparator;
  text += key.depiction_id;
  text += kSeparator;
  text += key.model;
  return text;
}

void ReadDuckdbAttributes(const Column& column, std::size_t row, Attributes& attributes) {
  attributes.clear();
  const auto [first, count] = column.List(row);
  const Column entries = column.Child();
  const Column keys = entries.Field(0);
  const Column values = entries.Field(1);
  for (std::size_t i = first; i < first + count; ++i) {
    attributes.emplace_hint(attributes.end(), keys.Text(i), values.Text(i));
  }
}

RowId ReadDuckdbFields(const Chunk& chunk, std::size_t row, Record& record) {
  record.key.provider = chunk.column(1).Text(row);
  record.key.depiction_id = chunk.column(2).Text(row);
  record.subject_id = chunk.column(3).Text(row);
  record.key.model = chunk.column(4).Text(row);
  record.created = chunk.column(5).Values<std::int64_t>()[row];
  ReadDuckdbAttributes(chunk.column(6), row, record.attributes);
  return chunk.column(0).Values<std::int64_t>()[row];
}

RowId ReadDuckdbRecord(const Chunk& chunk, std::size_t row, Record& record) {
  const RowId id = ReadDuckdbFields(chunk, row, record);
  const Column vectors = chunk.column(7);
  const auto [first, count] = vectors.List(row);
  const float* floats = vectors.Child().Values<float>() + first;
  record.embedding.assign(floats, floats + count);
  return id;
}

Result<std::unique_ptr<RowSource>> RegisterDuckdbRows(const Connection& connection) {
  return RowSource::Register(connection, kRowSource, EmbeddingsColumns());
}

Status InsertDuckdbRecords(const Connection& connection, RowSource& source,
                           const DuckdbBatch& batch) {
  return source.Insert(
      connection, Concat("INSERT INTO db.embeddings SELECT * FROM ", kRowSource, "()"),
      batch.records.size(), [&](duckdb_data_chunk chunk, std::size_t first, std::size_t count) {
        return Fill(chunk, {.records = batch.records.subspan(first, count),
                            .first_id = batch.first_id + static_cast<RowId>(first),
                            .modified = batch.modified.subspan(first, count)});
      });
}

Status AppendDuckdbKeys(const Connection& connection, const char* catalog, const char* table,
                        std::span<const DuckdbKeyRow> rows) {
  EDB_ASSIGN(Appender appender, Appender::Create(connection, catalog, table));
  std::vector<LogicalType> types;
  types.push_back(Text());
  types.push_back(BigInt());
  Chunk chunk = Chunk::Create(types);
  const std::size_t step = duckdb_vector_size();
  for (std::size_t begin = 0; begin < rows.size(); begin += step) {
    const std::size_t count = std::min(step, rows.size() - begin);
    chunk.Reset();
    for (std::size_t row = 0; row < count; ++row) {
      SetText(chunk.vector(0), row, rows[begin + row].key);
      Values<std::int64_t>(chunk.vector(1))[row] = rows[begin + row].id;
    }
    chunk.set_rows(count);
    EDB_TRY(appender.Append(chunk));
  }
  return appender.Close();
}

}  // namespace embeddingsdb
