// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_writer.h"

#include <algorithm>

#include "core/text.h"
#include "engines/duckdb/duckdb_reader.h"

namespace embeddingsdb {
namespace {

using duckdb_c::Chunk;
using duckdb_c::ResultSet;
using duckdb_c::Transaction;

// Up to here one lookup a record is faster than a join with all keys.
constexpr std::size_t kOneByOne = 16;

std::vector<DuckdbKeyRow> EncodeKeys(std::span<const Record* const> records, RowId first_id) {
  std::vector<DuckdbKeyRow> keys;
  keys.reserve(records.size());
  for (const Record* record : records) {
    keys.push_back({EncodeDuckdbKey(record->key), first_id + static_cast<RowId>(keys.size())});
  }
  return keys;
}

// The id in db.keys of a key whose record was removed. The row stays until the next open: as long
// as an older snapshot is being read, DuckDB refuses to insert a key that was deleted.
constexpr RowId kRemoved = 0;

// What catalog_id is in a file without db.catalog.
constexpr std::int64_t kNoCatalog = -1;

constexpr const char* kFindKey = "SELECT id FROM db.keys WHERE key = ?";
constexpr const char* kMoveKey = "UPDATE db.keys SET id = ? WHERE key = ?";
constexpr const char* kDeleteRow = "DELETE FROM db.embeddings WHERE id = ?";
constexpr const char* kSetMeta = "UPDATE db.meta SET value = ? WHERE name = ?";

}  // namespace

Result<std::unique_ptr<DuckdbWriter>> DuckdbWriter::Create(DuckdbFile& file, bool read_only) {
  EDB_ASSIGN(std::unique_ptr<DuckdbSession> session, file.NewSession());
  std::unique_ptr<DuckdbWriter> writer(new DuckdbWriter(std::move(session)));
  EDB_TRY(writer->Load(read_only));
  return writer;
}

// Reads only what the last close has not noted: zone maps rule the rest out. A file that was never
// closed, or not by a program that keeps a catalog, is read as a whole.
Status DuckdbWriter::Load(bool read_only) {
  EDB_ASSIGN(const std::int64_t catalog_id, session_->Mark("catalog_id", kNoCatalog));
  EDB_ASSIGN(const std::int64_t largest,
             session_->Number("SELECT max(id) FROM db.embeddings WHERE id > ?", {catalog_id}, 0));
  // A removal can take the largest id and the newest time with it, so it leaves both in db.meta.
  EDB_ASSIGN(const std::int64_t last_id, session_->Mark("last_id", 0));
  EDB_ASSIGN(const std::int64_t last_removal, session_->Mark("last_removal", 0));
  EDB_ASSIGN(const std::int64_t newest,
             session_->Number("SELECT max(lastmodified) FROM db.embeddings WHERE lastmodified > ?",
                              {last_removal}, last_removal));
  next_id_ = std::max({largest, last_id, catalog_id}) + 1;
  last_update_ = newest;
  keeps_catalog_ = catalog_id != kNoCatalog;
  if (keeps_catalog_ && largest == 0) {
    // Ids are not used twice and rows do not change, so as many rows are the same rows.
    EDB_ASSIGN(const std::int64_t rows,
               session_->Number("SELECT count(*) FROM db.embeddings", {}, 0));
    EDB_ASSIGN(const std::int64_t counted,
               session_->Number("SELECT CAST(sum(records) AS BIGINT) FROM db.catalog", {}, 0));
    catalog_holds_ = rows == counted;
  }
  if (read_only) {
    return {};
  }
  EDB_ASSIGN(source_, RegisterDuckdbRows(session_->connection()));
  EDB_TRY(session_->Run("DELETE FROM db.keys WHERE id = ?", {kRemoved}).status());
  return session_->connection().Execute("CREATE TEMP TABLE stage (key VARCHAR, id BIGINT)");
}

void DuckdbWriter::NoteUpdate(std::int64_t time) {
  if (time > last_update_.load(std::memory_order_relaxed)) {
    last_update_.store(time, std::memory_order_release);
  }
}

Result<std::vector<PutResult>> DuckdbWriter::Put(std::span<const Record* const> records,
                                                 std::span<const std::int64_t> modified) {
  if (records.empty()) {
    return std::vector<PutResult>();
  }
  const Mode mode = records.size() <= kOneByOne ? Mode::kLookUp : expected_;
  Result<std::vector<PutResult>> results = TryPut(mode, records, modified);
  if (!results.ok() && mode == Mode::kAllNew &&
      results.status().code() == StatusCode::kAlreadyExists) {
    results = TryPut(Mode::kLookUp, records, modified);
  }
  if (!results.ok()) {
    return results;
  }
  catalog_holds_ = false;
  next_id_ += static_cast<RowId>(records.size());
  NoteUpdate(*std::max_element(modified.begin(), modified.end()));
  if (records.size() > kOneByOne) {
    // The next batch is probably like this one: an import of new records, or a repeated one.
    const bool replaced = std::any_of(results->begin(), results->end(), [](const PutResult& put) {
      return put.replaced.has_value();
    });
    expected_ = replaced ? Mode::kLookUp : Mode::kAllNew;
  }
  return results;
}

Result<std::vector<PutResult>> DuckdbWriter::TryPut(Mode mode,
                                                    std::span<const Record* const> records,
                                                    std::span<const std::int64_t> modified) {
  const duckdb_c::Connection& connection = session_->connection();
  std::vector<DuckdbKeyRow> keys = EncodeKeys(records, next_id_);
  std::vector<PutResult> results;
  results.reserve(records.size());
  for (const DuckdbKeyRow& key : keys) {
    results.push_back({.row = key.id, .replaced = {}});
  }

  EDB_ASSIGN(Transaction transaction, Transaction::Begin(connection));
  if (mode == Mode::kLookUp) {
    EDB_TRY(Replace(keys, results));
  }
  // The primary key refuses a key that exists, before any vector has been moved.
  if (!keys.empty()) {
    EDB_TRY(AppendDuckdbKeys(connection, "db", "keys", keys));
  }
  EDB_TRY(InsertDuckdbRecords(connection, *source_,
                              {.records = records, .first_id = next_id_, .modified = modified}));
  EDB_TRY(transaction.Commit());
  return results;
}

Status DuckdbWriter::Replace(std::vector<DuckdbKeyRow>& keys, std::vector<PutResult>& results) {
  EDB_ASSIGN(const std::vector<bool> known, keys.size() <= kOneByOne
                                                ? ReplaceOneByOne(keys, results)
                                                : ReplaceByJoin(keys, results));
  std::size_t kept = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (known[i]) {
      continue;
    }
    if (kept != i) {
      keys[kept] = std::move(keys[i]);
    }
    ++kept;
  }
  keys.resize(kept);
  return {};
}

Result<std::vector<bool>> DuckdbWriter::ReplaceOneByOne(std::span<const DuckdbKeyRow> keys,
                                                        std::vector<PutResult>& results) {
  constexpr RowId kUnknown = -1;
  std::vector<bool> known(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EDB_ASSIGN(const RowId old, session_->Number(kFindKey, {keys[i].key}, kUnknown));
    if (old == kUnknown) {
      continue;
    }
    known[i] = true;
    EDB_TRY(session_->Run(kMoveKey, {keys[i].id, keys[i].key}).status());
    if (old == kRemoved) {
      continue;
    }
    results[i].replaced = old;
    EDB_TRY(session_->Run(kDeleteRow, {old}).status());
  }
  return known;
}

Status DuckdbWriter::Stage(std::span<const DuckdbKeyRow> keys) {
  EDB_TRY(session_->Run("DELETE FROM temp.stage").status());
  return AppendDuckdbKeys(session_->connection(), "temp", "stage", keys);
}

// The id of a key is changed in place: the index of the keys is not touched.
Result<std::vector<bool>> DuckdbWriter::ReplaceByJoin(std::span<const DuckdbKeyRow> keys,
                                                      std::vector<PutResult>& results) {
  EDB_TRY(Stage(keys));
  EDB_ASSIGN(
      ResultSet found,
      session_->Run("SELECT s.id, k.id FROM temp.stage s JOIN db.keys k ON k.key = s.key", {}));
  std::vector<bool> known(keys.size());
  std::int64_t replaced = 0;
  EDB_TRY(ForEachRow(found, [&](const Chunk& chunk, std::size_t row) -> Status {
    const auto i = static_cast<std::size_t>(chunk.column(0).Values<std::int64_t>()[row] - next_id_);
    const RowId old = chunk.column(1).Values<std::int64_t>()[row];
    known[i] = true;
    if (old != kRemoved) {
      results[i].replaced = old;
      ++replaced;
    }
    return {};
  }));
  EDB_TRY(DeleteStaged(replaced));
  EDB_TRY(session_->Run("UPDATE db.keys SET id = s.id FROM temp.stage s WHERE keys.key = s.key", {})
              .status());
  return known;
}

Status DuckdbWriter::DeleteStaged(std::int64_t rows) {
  EDB_ASSIGN(ResultSet deleted,
             session_->Run("DELETE FROM db.embeddings WHERE id IN (SELECT k.id FROM db.keys k "
                           "JOIN temp.stage s ON k.key = s.key)"));
  // Two rows under one key would be worse than a failed write.
  if (deleted.rows_changed() != rows) {
    return DataLossError(Concat(rows, " records to replace or remove, but ", deleted.rows_changed(),
                                " rows of them; run verify"));
  }
  return {};
}

Result<std::vector<std::optional<RowId>>> DuckdbWriter::RemoveOneByOne(std::span<const Key> keys) {
  std::vector<std::optional<RowId>> rows;
  for (const Key& key : keys) {
    const std::string text = EncodeDuckdbKey(key);
    EDB_ASSIGN(const RowId old, session_->Number(kFindKey, {text}, kRemoved));
    if (old == kRemoved) {
      rows.emplace_back();
      continue;
    }
    EDB_TRY(session_->Run(kMoveKey, {kRemoved, text}).status());
    EDB_TRY(session_->Run(kDeleteRow, {old}).status());
    rows.emplace_back(old);
  }
  return rows;
}

Result<std::vector<std::optional<RowId>>> DuckdbWriter::RemoveByJoin(std::span<const Key> keys) {
  std::vector<DuckdbKeyRow> staged;
  staged.reserve(keys.size());
  for (const Key& key : keys) {
    staged.push_back({EncodeDuckdbKey(key), static_cast<RowId>(staged.size())});
  }
  EDB_TRY(Stage(staged));
  EDB_ASSIGN(ResultSet found,
             session_->Run("SELECT s.id, k.id FROM temp.stage s JOIN db.keys k ON k.key = s.key "
                           "WHERE k.id <> ?",
                           {kRemoved}));
  std::vector<std::optional<RowId>> rows(keys.size());
  std::int64_t removed = 0;
  EDB_TRY(ForEachRow(found, [&](const Chunk& chunk, std::size_t row) -> Status {
    const auto i = static_cast<std::size_t>(chunk.column(0).Values<std::int64_t>()[row]);
    rows[i] = chunk.column(1).Values<std::int64_t>()[row];
    ++removed;
    return {};
  }));
  EDB_TRY(DeleteStaged(removed));
  EDB_TRY(
      session_
          ->Run("UPDATE db.keys SET id = ? FROM temp.stage s WHERE keys.key = s.key", {kRemoved})
          .status());
  return rows;
}

Result<std::vector<std::optional<RowId>>> DuckdbWriter::Remove(std::span<const Key> keys,
                                                               std::int64_t now) {
  EDB_ASSIGN(Transaction transaction, Transaction::Begin(session_->connection()));
  EDB_ASSIGN(std::vector<std::optional<RowId>> rows,
             keys.size() <= kOneByOne ? RemoveOneByOne(keys) : RemoveByJoin(keys));
  if (std::ranges::none_of(rows, [](const auto& row) { return row.has_value(); })) {
    return rows;
  }
  EDB_TRY(NoteLast(std::max(now, last_update())));
  EDB_TRY(transaction.Commit());
  catalog_holds_ = false;
  NoteUpdate(now);
  return rows;
}

// One join: DuckDB takes a millisecond to look up a single row.
Result<std::vector<std::optional<std::int64_t>>> DuckdbWriter::CreatedTimes(
    std::span<const Record* const> records) {
  EDB_TRY(Stage(EncodeKeys(records, 0)));
  EDB_ASSIGN(ResultSet found,
             session_->Run("SELECT s.id, e.created FROM temp.stage s JOIN db.keys k ON k.key = "
                           "s.key JOIN db.embeddings e ON e.id = k.id",
                           {}));
  std::vector<std::optional<std::int64_t>> created(records.size());
  EDB_TRY(ForEachRow(found, [&](const Chunk& chunk, std::size_t row) -> Status {
    const auto i = static_cast<std::size_t>(chunk.column(0).Values<std::int64_t>()[row]);
    created[i] = chunk.column(1).Values<std::int64_t>()[row];
    return {};
  }));
  return created;
}

Status DuckdbWriter::SetMark(const std::string& name, std::int64_t value) {
  return session_
      ->Run("INSERT OR REPLACE INTO db.meta VALUES (?, ?)", {name, std::to_string(value)})
      .status();
}

Status DuckdbWriter::NoteLast(std::int64_t time) {
  EDB_TRY(session_->Run(kSetMeta, {std::to_string(next_id_ - 1), "last_id"}).status());
  return session_->Run(kSetMeta, {std::to_string(time), "last_removal"}).status();
}

Status DuckdbWriter::SaveCatalog() {
  if (catalog_holds_ || !keeps_catalog_) {
    return {};
  }
  EDB_ASSIGN(Transaction transaction, Transaction::Begin(session_->connection()));
  EDB_TRY(session_->Run("DELETE FROM db.catalog").status());
  EDB_TRY(session_->Run(Concat("INSERT INTO db.catalog ", kDuckdbCountedCatalog), {}).status());
  EDB_TRY(NoteLast(last_update()));
  EDB_TRY(session_->Run(kSetMeta, {std::to_string(next_id_ - 1), "catalog_id"}).status());
  EDB_TRY(transaction.Commit());
  catalog_holds_ = true;
  return {};
}

Status DuckdbWriter::Checkpoint() {
  return session_->connection().Execute("CHECKPOINT db");
}

}  // namespace embeddingsdb
