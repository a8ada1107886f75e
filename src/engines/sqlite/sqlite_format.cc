// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_format.h"

#include <sqlite3.h>

#include "core/text.h"
#include "engines/sqlite/sqlite_go_file.h"

namespace embeddingsdb {
namespace {

// A vector of 512 to 4,096 floats fits one page; smaller pages would chain overflow pages to it and
// more than halve the import rate.
constexpr char kPageSetup[] = R"(
PRAGMA page_size = 16384;
PRAGMA journal_mode = WAL;
)";

constexpr char kSchema[] = R"(
CREATE TABLE records(
  id INTEGER PRIMARY KEY,
  provider TEXT NOT NULL,
  depiction_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  model TEXT NOT NULL,
  created INTEGER NOT NULL,
  lastmodified INTEGER NOT NULL,
  attributes TEXT NOT NULL,
  checksum INTEGER NOT NULL,
  embedding BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX records_key ON records(model, provider, depiction_id);
CREATE INDEX records_list ON records(subject_id, depiction_id, model, provider);
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('next_id', 1), ('last_update', 0);
)";

// Imports touch index pages all over the file, so the writer keeps many (64 MiB), and checkpoints
// only when the log has as many pages (64 MiB): each is then written to the file once for many
// batches. A log grown beyond that by a long reader is cut back.
constexpr char kWriterSetup[] = R"(
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 4096;
PRAGMA journal_size_limit = 67108864;
)";

enum class FileKind : std::uint8_t { kEmpty, kOurs };

Result<std::int64_t> CountTables(const SqliteConnection& connection, const std::string& condition) {
  return connection.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE " + condition);
}

Status NotOurs(const std::string& path, std::string_view what) {
  return FailedPreconditionError(
      Concat(Quote(path), " is not an embeddingsdb database but ", what));
}

/// Which of the two kinds we can use the file is, or an error that names what else it is.
Result<FileKind> Identify(const SqliteConnection& connection, const std::string& path) {
  const Result<std::int64_t> tables = CountTables(connection, "true");
  if (!tables.ok()) {
    if (connection.LastErrorCode() != SQLITE_NOTADB) {
      return tables.status();
    }
    return NotOurs(path, "no SQLite database at all (or an encrypted or damaged one)");
  }
  EDB_ASSIGN(const std::int64_t application, connection.QueryInteger("PRAGMA application_id"));
  EDB_ASSIGN(const std::int64_t version, connection.QueryInteger("PRAGMA user_version"));
  if (application == kSqliteApplicationId) {
    if (version == kSqliteFormatVersion) {
      return FileKind::kOurs;
    }
    return FailedPreconditionError(Concat(Quote(path), " has embeddingsdb's SQLite format version ",
                                          version, ", this program knows version ",
                                          kSqliteFormatVersion));
  }
  if (*tables == 0 && application == 0 && version == 0) {
    return FileKind::kEmpty;
  }
  EDB_ASSIGN(const bool go_file, HasGoTables(connection));
  if (go_file) {
    return NotOurs(path, Concat("a go-embeddingsdb SQLite database; open it once without "
                                "read-only=true to convert it (the original stays beside it, its "
                                "name ending in ",
                                kGoFileKeptAs, ")"));
  }
  return NotOurs(path, Concat("the SQLite database of another program (application_id ",
                              application, ", ", *tables, " tables and indexes)"));
}

/// NORMAL syncs the log before each checkpoint only: a power cut may cost the newest commits, never
/// the file. OFF is no faster that one would notice, and could cost the file.
const char* SynchronousFor(Durability durability) {
  return durability == Durability::kPower ? "PRAGMA synchronous = FULL"
                                          : "PRAGMA synchronous = NORMAL";
}

Status Create(const SqliteConnection& connection, SqliteCompression compression) {
  EDB_TRY(connection.Execute(kPageSetup));
  SqliteTransaction transaction(connection);
  EDB_TRY(transaction.BeginWrite());
  EDB_TRY(connection.Execute(kSchema));
  EDB_TRY(compression == SqliteCompression::kNone
              ? Status()
              : CreateCompressedModels(connection, compression));
  const std::string marks = Concat("PRAGMA application_id = ", kSqliteApplicationId,
                                   "; PRAGMA user_version = ", kSqliteFormatVersion);
  EDB_TRY(connection.Execute(marks.c_str()));
  return transaction.Commit();
}

}  // namespace

Result<SqliteConnection> OpenSqliteWriter(const std::string& path, Durability durability,
                                          SqliteCompression compression) {
  const auto access = path.empty() ? SqliteAccess::kMemory : SqliteAccess::kReadWrite;
  EDB_ASSIGN(SqliteConnection connection, SqliteConnection::Open(path, access));
  const Result<FileKind> kind = Identify(connection, path);
  if (!kind.ok()) {
    connection.KeepLogOnClose();
    return kind.status();
  }
  EDB_TRY(connection.Execute(SynchronousFor(durability)));
  if (*kind == FileKind::kEmpty) {
    EDB_TRY(Create(connection, compression));
  }
  EDB_TRY(connection.Execute(kWriterSetup));
  return connection;
}

Result<SqliteConnection> OpenSqliteReader(const std::string& path) {
  EDB_ASSIGN(SqliteConnection connection, SqliteConnection::Open(path, SqliteAccess::kReadOnly));
  EDB_ASSIGN(const FileKind kind, Identify(connection, path));
  if (kind == FileKind::kEmpty) {
    return NotOurs(path, "an empty file");
  }
  return connection;
}

}  // namespace embeddingsdb
