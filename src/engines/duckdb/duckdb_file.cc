// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_file.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <unistd.h>
#include <utility>

#include "core/lock_holder.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

using duckdb_c::Connection;
using duckdb_c::Database;
using duckdb_c::ResultSet;

constexpr std::string_view kFormat = "embeddingsdb";
constexpr std::string_view kVersion = "1";
constexpr std::size_t kIdleSessions = 8;
constexpr const char* kNotClosed =
    "it was not closed properly: open it once without read-only=true to recover it";

// Vectors are stored as they are: compressing random mantissas saves 15 % of the file for 60 % more
// processor time on import. The other columns compress well.
constexpr const char* kSchema = R"sql(
CREATE TABLE db.embeddings (
  id BIGINT NOT NULL,
  provider VARCHAR NOT NULL,
  depiction_id VARCHAR NOT NULL,
  subject_id VARCHAR NOT NULL,
  model VARCHAR NOT NULL,
  dimensions INTEGER NOT NULL,
  created BIGINT NOT NULL,
  lastmodified BIGINT NOT NULL,
  attributes MAP(VARCHAR, VARCHAR) NOT NULL,
  vec FLOAT[] NOT NULL USING COMPRESSION uncompressed
);
CREATE TABLE db.keys (key VARCHAR PRIMARY KEY, id BIGINT NOT NULL);
CREATE TABLE db.catalog (
  model VARCHAR NOT NULL,
  provider VARCHAR NOT NULL,
  records BIGINT NOT NULL,
  dimensions INTEGER NOT NULL
);
CREATE TABLE db.meta (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
)sql";

// The threads that a batch of records is written with; the caller's is one of them.
int Threads() {
  constexpr unsigned kMost = 4;
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, kMost));
}

// Row groups of one vector (2,048 rows): a batch of that many rows or more is then written straight
// into the file, and the log only says where. A WAL of 64 MB takes a small part of a second to
// checkpoint. Looking for what texts have in common (FSST) would cost a fifth of an import, for a
// fifteenth of its size.
Status Attach(const Connection& connection, const DuckdbFileOptions& options) {
  EDB_TRY(connection.Execute("SET checkpoint_threshold = '64MB'"));
  EDB_TRY(connection.Execute("SET preserve_insertion_order = false"));
  EDB_TRY(connection.Execute("SET disabled_compression_methods = 'fsst'"));
  const std::string target = options.path.empty() ? ":memory:" : options.path;
  EDB_TRY(
      connection.Execute(Concat("ATTACH ", duckdb_c::QuoteLiteral(target), " AS db (",
                                options.read_only ? "READ_ONLY, " : "", "ROW_GROUP_SIZE 2048)")));
  EDB_TRY(connection.Execute("SET enable_external_access = false"));
  return connection.LockConfiguration();
}

Result<std::vector<std::string>> TableNames(const Connection& connection) {
  EDB_ASSIGN(ResultSet result, connection.Query("SELECT table_name FROM duckdb_tables() "
                                                "WHERE database_name = 'db' ORDER BY table_name"));
  std::vector<std::string> names;
  EDB_TRY(ForEachRow(result, [&names](const duckdb_c::Chunk& chunk, std::size_t row) -> Status {
    names.emplace_back(chunk.column(0).Text(row));
    return {};
  }));
  return names;
}

Result<std::string> MetaText(const Connection& connection, std::string_view name) {
  EDB_ASSIGN(ResultSet result, connection.Run("SELECT value FROM db.meta WHERE name = ?", {name}));
  EDB_ASSIGN(const bool found, result.Next());
  return found ? std::string(result.chunk().column(0).Text(0)) : std::string();
}

Status CreateTables(const Connection& connection) {
  EDB_ASSIGN(duckdb_c::Transaction transaction, duckdb_c::Transaction::Begin(connection));
  EDB_TRY(connection.Execute(kSchema));
  EDB_TRY(connection
              .Run("INSERT INTO db.meta VALUES ('format', ?), ('version', ?), ('last_id', '0'), "
                   "('last_removal', '0'), ('catalog_id', '0')",
                   {kFormat, kVersion})
              .status());
  return transaction.Commit();
}

// Listing the tables takes DuckDB longer than all else here, so it is asked only when our own do
// not answer.
bool IsOurs(const Connection& connection) {
  const Result<std::string> format = MetaText(connection, "format");
  const Result<std::string> version = MetaText(connection, "version");
  return format.ok() && *format == kFormat && version.ok() && *version == kVersion;
}

Status CheckTables(const Connection& connection, const DuckdbFileOptions& options) {
  if (IsOurs(connection)) {
    return {};
  }
  EDB_ASSIGN(const std::vector<std::string> tables, TableNames(connection));
  if (tables.empty() && !options.read_only) {
    return CreateTables(connection);
  }
  constexpr std::string_view kOurs[] = {"embeddings", "keys", "meta"};
  // Further tables are the user's business.
  if (!std::includes(tables.begin(), tables.end(), std::begin(kOurs), std::end(kOurs))) {
    std::string names;
    for (std::size_t i = 0; i < tables.size() && i < 5; ++i) {
      names += Concat(" ", Quote(tables[i]));
    }
    return FailedPreconditionError(Concat("a DuckDB database, but not one of embeddingsdb (",
                                          tables.size(), " tables", names.empty() ? "" : ":", names,
                                          ")"));
  }
  EDB_ASSIGN(const std::string format, MetaText(connection, "format"));
  EDB_ASSIGN(const std::string version, MetaText(connection, "version"));
  return FailedPreconditionError(Concat("format ", Quote(format), " version ", Quote(version),
                                        "; this program opens ", Quote(kFormat), " version ",
                                        kVersion));
}

// Makes a transaction that a crash has torn disappear. DuckDB replays its log a transaction at a
// time, except for rows that a batch wrote straight into the file: those come back as soon as the
// log names them, even when the rest of their transaction is missing. Keys are always replayed
// whole, and ids grow, so what has a larger id than any key was never committed. The checkpoint
// comes first: the log that is left does not know of those rows, so nothing that counts row
// positions may be added to it.
Status Recover(const DuckdbSession& session, const DuckdbFileOptions& options) {
  // Rows that were there when the catalog was made are committed; only later ones are read.
  EDB_ASSIGN(const std::int64_t known, session.Mark("catalog_id", 0));
  EDB_ASSIGN(const std::int64_t row,
             session.Number("SELECT max(id) FROM db.embeddings WHERE id > ?", {known}, known));
  EDB_ASSIGN(const std::int64_t key,
             session.Number("SELECT max(id) FROM db.keys WHERE id > ?", {known}, known));
  if (row <= key) {
    return {};
  }
  if (options.read_only) {
    return FailedPreconditionError(kNotClosed);
  }
  EDB_TRY(session.connection().Execute("CHECKPOINT db"));
  return session.Run("DELETE FROM db.embeddings WHERE id > ?", {key}).status();
}

}  // namespace

// A quarter of the memory, at least 256 MiB, at most 4 GiB. The buffers fill only as the file
// grows, and spill to disk beside it.
std::int64_t DuckdbMemoryLimit() {
  constexpr std::int64_t kMiB = 1024 * 1024;
  const std::int64_t memory = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  return std::clamp(memory / 4, 256 * kMiB, 4096 * kMiB);
}

Result<std::int64_t> DuckdbSession::Number(const std::string& sql,
                                           std::initializer_list<duckdb_c::Parameter> parameters,
                                           std::int64_t fallback) const {
  EDB_ASSIGN(ResultSet result, Run(sql, parameters));
  EDB_ASSIGN(const bool found, result.Next());
  if (!found || result.chunk().column(0).IsNull(0)) {
    return fallback;
  }
  return result.chunk().column(0).Values<std::int64_t>()[0];
}

Result<std::int64_t> DuckdbSession::Mark(const std::string& name, std::int64_t fallback) const {
  return Number("SELECT CAST(value AS BIGINT) FROM db.meta WHERE name = ?", {name}, fallback);
}

Result<std::shared_ptr<DuckdbFile>> DuckdbFile::Open(DuckdbFileOptions options) {
  duckdb_c::Config config;
  // Opened up only until the one file is attached; Attach closes it again.
  config.external_access = true;
  config.lock_configuration = false;
  config.threads = Threads();
  config.memory_limit_bytes = DuckdbMemoryLimit();
  if (!options.path.empty()) {
    config.temp_directory = options.path + ".tmp";
  }
  EDB_ASSIGN(Database database, Database::Open("", config));
  EDB_ASSIGN(Connection connection, database.Connect());
  Status status = Attach(connection, options);
  if (const auto other = OtherLockHolderOf(options.path);
      status.code() == StatusCode::kFailedPrecondition && other) {
    // Another program than ours, whose lock beside the file we have.
    return FailedPreconditionError(
        Concat(QuoteWhole(options.path), " is open in ", DescribeProcess(*other)));
  }
  if (!status.ok() && options.read_only && std::filesystem::exists(options.path + ".wal")) {
    // Repeating what a log says may take writing to the file.
    status = FailedPreconditionError(Concat(kNotClosed, " (", status.message(), ")"));
  }
  if (status.ok()) {
    status = CheckTables(connection, options);
  }
  if (status.ok()) {
    status = Recover(DuckdbSession(std::move(connection)), options);
  }
  if (!status.ok()) {
    return status.WithContext(Concat("open ", Quote(options.path)));
  }
  return std::shared_ptr<DuckdbFile>(new DuckdbFile(std::move(options), std::move(database)));
}

Status RemoveFreshDuckdbFile(const std::string& path, Env& env) {
  EDB_TRY(env.Remove(FreshDuckdbFile(path)));
  return env.Remove(FreshDuckdbFile(path) + ".wal");
}

Status PutFreshDuckdbFile(const std::string& path, Env& env) {
  // A log is of one file only: none must meet another file.
  const std::string fresh = FreshDuckdbFile(path);
  const std::string log = path + ".wal";
  if (env.Exists(fresh + ".wal") || (env.Exists(path) && env.Exists(log))) {
    return InternalError("DuckDB has left a log; the file stays as it was");
  }
  EDB_TRY(env.Remove(log));
  return env.Rename(fresh, path);
}

Status MakeDuckdbFile(const std::string& path, Env& env) {
  // DuckDB makes a file in several steps, and refuses one that has not seen them all.
  EDB_ASSIGN(std::shared_ptr<DuckdbFile> made, DuckdbFile::Open({.path = FreshDuckdbFile(path)}));
  {
    EDB_ASSIGN(const DuckdbFile::Lease session, made->Borrow());
    EDB_TRY(session->connection().Execute("CHECKPOINT db"));
  }
  made.reset();
  return PutFreshDuckdbFile(path, env);
}

Result<std::unique_ptr<DuckdbSession>> DuckdbFile::NewSession() {
  EDB_ASSIGN(Connection connection, database_.Connect());
  return std::make_unique<DuckdbSession>(std::move(connection));
}

Result<DuckdbFile::Lease> DuckdbFile::Borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Lease lease(this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  EDB_ASSIGN(std::unique_ptr<DuckdbSession> session, NewSession());
  return Lease(this, std::move(session));
}

void DuckdbFile::GiveBack(std::unique_ptr<DuckdbSession> session) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleSessions) {
    idle_.push_back(std::move(session));
  }
}

void DuckdbFile::DropSessions() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

}  // namespace embeddingsdb
