// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_writer.h"

#include <algorithm>
#include <bit>
#include <sqlite3.h>
#include <string>
#include <utility>

#include "core/json.h"
#include "engines/row_checksum.h"
#include "engines/sqlite/sqlite_words.h"

namespace embeddingsdb {

static_assert(std::endian::native == std::endian::little, "embeddings are stored little-endian");

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::Create(const SqliteConnection& connection,
                                                           SqliteCompression compression) {
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(connection));
  EDB_ASSIGN(writer->find_,
             connection.Prepare("SELECT id FROM records"
                                " WHERE model = ? AND provider = ? AND depiction_id = ?"));
  EDB_ASSIGN(writer->delete_, connection.Prepare("DELETE FROM records WHERE id = ?"));
  EDB_ASSIGN(writer->insert_,
             connection.Prepare("INSERT INTO records(id, provider, depiction_id, subject_id, model,"
                                " created, lastmodified, attributes, checksum, embedding)"
                                " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  EDB_ASSIGN(writer->raise_meta_,
             connection.Prepare("UPDATE meta SET value = max(value, ?) WHERE name = ?"));
  if (compression != SqliteCompression::kNone) {
    EDB_ASSIGN(writer->codes_, SqliteCompressedWriter::Create(connection, compression));
  }
  return writer;
}

Result<std::vector<PutResult>> SqliteWriter::Put(std::span<const Record* const> records,
                                                 std::int64_t now) {
  return PutAt(records, std::vector<std::int64_t>(records.size(), now));
}

Result<std::vector<PutResult>> SqliteWriter::PutAt(std::span<const Record* const> records,
                                                   std::span<const std::int64_t> times) {
  EDB_TRY(CheckUsable());
  SqliteTransaction transaction(connection_);
  EDB_TRY(transaction.BeginWrite());
  std::vector<PutResult> results;
  results.reserve(records.size());
  Status status = PutAll(records, times, results);
  EDB_TRY(Finish(transaction, std::move(status)));
  return results;
}

Result<std::vector<std::optional<RowId>>> SqliteWriter::Remove(std::span<const Key> keys,
                                                               std::int64_t now) {
  EDB_TRY(CheckUsable());
  SqliteTransaction transaction(connection_);
  EDB_TRY(transaction.BeginWrite());
  std::vector<std::optional<RowId>> rows;
  rows.reserve(keys.size());
  Status status;
  for (std::size_t i = 0; i < keys.size() && status.ok(); ++i) {
    EDB_ASSIGN(const std::optional<RowId> row, Find(keys[i]));
    rows.push_back(row);
    status = row ? Delete(keys[i], *row) : Status();
  }
  if (status.ok() && std::ranges::none_of(rows, [](const auto& row) { return row.has_value(); })) {
    return rows;
  }
  if (status.ok()) {
    status = RaiseMeta("last_update", now);
  }
  EDB_TRY(Finish(transaction, std::move(status)));
  return rows;
}

Status SqliteWriter::SetMark(const std::string& name, std::uint64_t value) {
  EDB_TRY(CheckUsable());
  SqliteTransaction transaction(connection_);
  EDB_TRY(transaction.BeginWrite());
  EDB_ASSIGN(SqliteStatement set,
             connection_.Prepare("INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)"));
  set.Bind(1, name);
  set.Bind(2, static_cast<std::int64_t>(value));
  return Finish(transaction, set.Run());
}

Result<bool> SqliteWriter::UpdateWords(bool first) {
  EDB_TRY(CheckUsable());
  SqliteTransaction transaction(connection_);
  EDB_TRY(transaction.BeginWrite());
  const Result<bool> more = embeddingsdb::UpdateWords(connection_, first);
  EDB_TRY(FinishWords(transaction, more.status()));
  return more;
}

Status SqliteWriter::RemakeWords() {
  EDB_TRY(CheckUsable());
  SqliteTransaction transaction(connection_);
  EDB_TRY(transaction.BeginWrite());
  return FinishWords(transaction, embeddingsdb::RemakeWords(connection_));
}

Status SqliteWriter::Sync() {
  EDB_TRY(CheckUsable());
  Status status = connection_.Sync();
  sync_failed_ = !status.ok();
  return status;
}

Status SqliteWriter::Checkpoint() {
  EDB_TRY(Sync());
  connection_.Execute("PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE)")
      .IgnoreError("the synced log holds whatever is not in the file yet");
  return {};
}

Status SqliteWriter::CheckUsable() const {
  if (!sync_failed_) {
    return {};
  }
  return FailedPreconditionError("an earlier write could not be synced; open the database again");
}

Status SqliteWriter::PutAll(std::span<const Record* const> records,
                            std::span<const std::int64_t> times, std::vector<PutResult>& results) {
  EDB_ASSIGN(RowId row, connection_.QueryInteger("SELECT value FROM meta WHERE name = 'next_id'"));
  std::int64_t newest = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    EDB_ASSIGN(const std::optional<RowId> replaced, Find(records[i]->key));
    EDB_TRY(replaced ? Delete(records[i]->key, *replaced) : Status());
    EDB_TRY(Insert(row, *records[i], times[i]));
    newest = std::max(newest, times[i]);
    results.push_back({.row = row++, .replaced = replaced});
  }
  EDB_TRY(RaiseMeta("next_id", row));
  return RaiseMeta("last_update", newest);
}

Status SqliteWriter::Finish(SqliteTransaction& transaction, Status status) {
  status = FinishWords(transaction, std::move(status));
  if (!status.ok() && codes_) {
    // sqlite-vec does not pass on why SQLite could not write.
    sync_failed_ = sync_failed_ || status.code() == StatusCode::kInternal;
    codes_->Forget();
  }
  return status;
}

Status SqliteWriter::FinishWords(SqliteTransaction& transaction, Status status) {
  if (status.ok()) {
    status = transaction.Commit();
  }
  if (!status.ok()) {
    // Asked for before the rollback replaces it.
    const int error = connection_.LastErrorCode();
    sync_failed_ = error == SQLITE_IOERR_FSYNC || error == SQLITE_IOERR_DIR_FSYNC;
  }
  return status;
}

Result<std::optional<RowId>> SqliteWriter::Find(const Key& key) {
  const SqliteResetter resetter(find_);
  find_.Bind(1, key.model);
  find_.Bind(2, key.provider);
  find_.Bind(3, key.depiction_id);
  EDB_ASSIGN(const bool found, find_.Step());
  if (!found) {
    return std::optional<RowId>();
  }
  return std::optional<RowId>(find_.Integer(0));
}

Status SqliteWriter::Delete(const Key& key, RowId row) {
  EDB_TRY(codes_ ? codes_->Remove(key.model, row) : Status());
  delete_.Bind(1, row);
  return delete_.Run();
}

Status SqliteWriter::Insert(RowId row, const Record& record, std::int64_t now) {
  const std::string attributes = AttributesToJson(record.attributes);
  insert_.Bind(1, row);
  insert_.Bind(2, record.key.provider);
  insert_.Bind(3, record.key.depiction_id);
  insert_.Bind(4, record.subject_id);
  insert_.Bind(5, record.key.model);
  insert_.Bind(6, record.created);
  insert_.Bind(7, now);
  insert_.Bind(8, attributes);
  const auto embedding = std::as_bytes(std::span(record.embedding));
  const RowChecksum checksum = {RowChecksum::OfFields({.provider = record.key.provider,
                                                       .depiction_id = record.key.depiction_id,
                                                       .model = record.key.model,
                                                       .subject_id = record.subject_id,
                                                       .created = record.created,
                                                       .lastmodified = now,
                                                       .attributes = attributes}),
                                RowChecksum::OfVector(embedding)};
  insert_.Bind(9, checksum.Pack());
  insert_.Bind(10, embedding);
  EDB_TRY(insert_.Run());
  return codes_ ? codes_->Insert(row, record) : Status();
}

Status SqliteWriter::RaiseMeta(std::string_view name, std::int64_t value) {
  raise_meta_.Bind(1, value);
  raise_meta_.Bind(2, name);
  return raise_meta_.Run();
}

}  // namespace embeddingsdb
