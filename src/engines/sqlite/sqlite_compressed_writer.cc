// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_compressed_writer.h"

#include <utility>
#include <vector>

#include "core/text.h"

namespace embeddingsdb {
namespace {

// sqlite-vec keeps codes in blobs of so many. Small ones are quicker to write and to take the
// nearest from than its 1,024, and the largest (8,192 bits, 512 floats) are 256 KiB, within the
// connection's limit of a value.
constexpr int kCodesPerChunk = 256;
constexpr int kFloatCodesPerChunk = 128;

}  // namespace

Result<std::unique_ptr<SqliteCompressedWriter>> SqliteCompressedWriter::Create(
    const SqliteConnection& connection, SqliteCompression compression) {
  std::unique_ptr<SqliteCompressedWriter> writer(
      new SqliteCompressedWriter(connection, compression));
  EDB_ASSIGN(writer->find_model_,
             connection.Prepare("SELECT id, elements FROM compressed_models WHERE model = ?"));
  EDB_ASSIGN(writer->add_model_,
             connection.Prepare("INSERT INTO compressed_models(model, elements) VALUES(?, ?)"));
  EDB_ASSIGN(writer->change_model_,
             connection.Prepare("UPDATE compressed_models SET elements = ? WHERE id = ?"));
  return writer;
}

Status SqliteCompressedWriter::Insert(RowId row, const Record& record) {
  EDB_ASSIGN(Table* const table,
             FindOrMake(record.key.model, CodeElements(compression_, record.embedding.size())));
  const std::vector<std::byte> code = MakeCode(compression_, record.embedding);
  table->insert.Bind(1, row);
  table->insert.Bind(2, std::span(code));
  return Explain(table->insert.Run());
}

Status SqliteCompressedWriter::Remove(const std::string& model, RowId row) {
  EDB_ASSIGN(Table* const table, Find(model));
  if (table == nullptr) {
    return DataLossError(Concat("model ", Quote(model), " has records but no codes; run verify"));
  }
  table->remove.Bind(1, row);
  return Explain(table->remove.Run());
}

void SqliteCompressedWriter::Forget() {
  tables_.clear();
}

Result<SqliteCompressedWriter::Table*> SqliteCompressedWriter::Find(const std::string& model) {
  if (const auto known = tables_.find(model); known != tables_.end()) {
    return &known->second;
  }
  Table table;
  {
    const SqliteResetter resetter(find_model_);
    find_model_.Bind(1, model);
    EDB_ASSIGN(const bool found, find_model_.Step());
    if (!found) {
      return nullptr;
    }
    table.id = find_model_.Integer(0);
    table.elements = static_cast<std::size_t>(find_model_.Integer(1));
  }
  EDB_TRY(PrepareTable(table));
  return &tables_.emplace(model, std::move(table)).first->second;
}

Result<SqliteCompressedWriter::Table*> SqliteCompressedWriter::FindOrMake(const std::string& model,
                                                                          std::size_t elements) {
  EDB_ASSIGN(Table * table, Find(model));
  if (table == nullptr) {
    add_model_.Bind(1, model);
    add_model_.Bind(2, static_cast<std::int64_t>(elements));
    EDB_TRY(add_model_.Run());
    EDB_ASSIGN(const std::int64_t id, connection_.QueryInteger("SELECT last_insert_rowid()"));
    EDB_TRY(Make(id, elements));
    return Find(model);
  }
  if (table->elements == elements) {
    return table;
  }
  const std::int64_t id = table->id;
  tables_.erase(model);  // its statements would keep the table from being dropped
  change_model_.Bind(1, static_cast<std::int64_t>(elements));
  change_model_.Bind(2, id);
  EDB_TRY(change_model_.Run());
  EDB_TRY(connection_.Execute(Concat("DROP TABLE ", CompressedTable(id)).c_str()));
  EDB_TRY(Make(id, elements));
  return Find(model);
}

Status SqliteCompressedWriter::Make(std::int64_t id, std::size_t elements) const {
  const bool bits = compression_ == SqliteCompression::kQuantize;
  const std::string sql = Concat(
      "CREATE VIRTUAL TABLE ", CompressedTable(id), " USING vec0(code ", bits ? "bit" : "float",
      "[", elements, "], chunk_size=", bits ? kCodesPerChunk : kFloatCodesPerChunk, ")");
  return Explain(connection_.Execute(sql.c_str()));
}

Status SqliteCompressedWriter::PrepareTable(Table& table) const {
  const std::string name = CompressedTable(table.id);
  EDB_ASSIGN(table.insert,
             connection_.Prepare(Concat("INSERT INTO ", name, "(rowid, code) VALUES(?, ",
                                        CodeParameter(compression_), ")")));
  EDB_ASSIGN(table.remove, connection_.Prepare(Concat("DELETE FROM ", name, " WHERE rowid = ?")));
  return {};
}

Status SqliteCompressedWriter::Explain(const Status& status) const {
  if (status.code() != StatusCode::kInternal) {
    return status;
  }
  if (!connection_.InTransaction()) {
    // SQLite rolls back by itself for want of memory or room, and after failed system calls.
    return connection_.HadSystemError()
               ? status
               : ResourceExhaustedError(
                     Concat("the disk, the file or the memory is full: ", status.message()));
  }
  // Takes as much as a chunk and its neighbours.
  const Status room = connection_.Execute(
      "CREATE TABLE compressed_room AS SELECT zeroblob(262144) UNION ALL SELECT zeroblob(262144)");
  return room.ok() ? status : room;
}

}  // namespace embeddingsdb
