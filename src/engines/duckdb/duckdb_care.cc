// SPDX-License-Identifier: BSD-3-Clause
//
// DuckdbStore: what its file takes, and giving room back.
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/text.h"
#include "engines/duckdb/duckdb_store.h"
#include "engines/file_bytes.h"

namespace embeddingsdb {
namespace {

/// A number of the one row that a query gives.
Result<std::int64_t> NumberOf(const duckdb_c::Connection& connection, const std::string& sql) {
  EDB_ASSIGN(duckdb_c::ResultSet result, connection.Query(sql));
  EDB_ASSIGN(const bool found, result.Next());
  if (!found) {
    return InternalError("DuckDB has no answer");
  }
  return result.chunk().column(0).Values<std::int64_t>()[0];
}

/// Whether all rows have come over, each table as long as it was.
Status CompareCounts(const duckdb_c::Connection& connection) {
  for (const std::string table : {"embeddings", "keys", "meta"}) {
    EDB_ASSIGN(const std::int64_t old,
               NumberOf(connection, Concat("SELECT count(*) FROM db.", table)));
    EDB_ASSIGN(const std::int64_t fresh,
               NumberOf(connection, Concat("SELECT count(*) FROM fresh.", table)));
    if (old != fresh) {
      return DataLossError(Concat("table ", table, " has ", old, " rows, its copy ", fresh));
    }
  }
  return {};
}

/// Writes the file anew beside itself and puts the new one in its place. The old one is attached
/// until then, so that no other process writes it.
Status WriteAnew(const std::string& path, Env& env) {
  const std::string fresh = FreshDuckdbFile(path);
  duckdb_c::Config config;
  config.external_access = true;
  config.lock_configuration = false;
  config.threads = 1;
  config.memory_limit_bytes = DuckdbMemoryLimit();
  config.temp_directory = path + ".tmp";
  EDB_ASSIGN(const duckdb_c::Database database, duckdb_c::Database::Open("", config));
  EDB_ASSIGN(const duckdb_c::Connection connection, database.Connect());
  EDB_TRY(connection.Execute("SET preserve_insertion_order = true"));
  EDB_TRY(
      connection.Execute(Concat("ATTACH ", duckdb_c::QuoteLiteral(path), " AS db (READ_ONLY)")));
  EDB_TRY(connection.Execute(
      Concat("ATTACH ", duckdb_c::QuoteLiteral(fresh), " AS fresh (ROW_GROUP_SIZE 2048)")));
  EDB_TRY(connection.Execute("COPY FROM DATABASE db TO fresh"));
  EDB_TRY(CompareCounts(connection));
  EDB_TRY(connection.Execute("CHECKPOINT fresh"));
  EDB_TRY(connection.Execute("DETACH fresh"));
  std::error_code error;
  std::filesystem::permissions(fresh, std::filesystem::status(path, error).permissions(), error);
  return PutFreshDuckdbFile(path, env);
}

}  // namespace

Result<StoreFacts> DuckdbStore::Facts() {
  StoreFacts facts;
  EDB_ASSIGN(const DuckdbFile::Lease session, file_->Borrow());
  for (const std::string name : {"block_size", "total_blocks", "used_blocks", "free_blocks"}) {
    EDB_ASSIGN(const std::int64_t value,
               NumberOf(session->connection(),
                        Concat("SELECT CAST(", name, " AS BIGINT) FROM pragma_database_size() ",
                               "WHERE database_name = 'db'")));
    facts.facts.push_back({name, value});
  }
  if (persistent_) {
    const std::string& path = file_->path();
    facts.files.records = FileBytes(path);
    facts.files.log = FileBytes(path + ".wal");
    facts.files.other = FileBytes(path + "-lock") + FolderBytes(path + ".tmp");
  }
  return facts;
}

Status DuckdbStore::Compact() {
  if (!persistent_) {
    return {};
  }
  if (writer_ == nullptr || read_only_) {
    return FailedPreconditionError("the DuckDB store is closed or read-only");
  }
  const std::string path = file_->path();
  if (file_.use_count() > 1) {
    return FailedPreconditionError(
        Concat(QuoteWhole(path), " is being read in this process; compacting needs it alone"));
  }
  EDB_TRY(writer_->Checkpoint());
  writer_.reset();
  std::unique_ptr<FileLock> lock = file_->TakeLock();
  file_->DropSessions();
  file_.reset();
  Status status = RemoveFreshDuckdbFile(path, *options_.env);
  if (status.ok()) {
    status = WriteAnew(path, *options_.env);
  }
  RemoveFreshDuckdbFile(path, *options_.env).IgnoreError("opening it for writing tries again");
  if (const Status opened = OpenFile({.path = path, .lock = std::move(lock)}); !opened.ok()) {
    return {StatusCode::kAborted, Concat("cannot open the database again: ", opened.message())};
  }
  return status;
}

}  // namespace embeddingsdb
