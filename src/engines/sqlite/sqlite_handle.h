// SPDX-License-Identifier: BSD-3-Clause
//
// SQLite's C handles with owners, and its result codes as Status. Nothing outside
// src/engines/sqlite sees SQLite.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_HANDLE_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_HANDLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace embeddingsdb {

/// A prepared statement. Parameters are borrowed: what is bound must live until the next Reset.
/// What a column function returns is valid until the next Step or Reset. Errors of binding and of
/// reading columns are kept and come out of the next Step, Run or Check.
class SqliteStatement {
 public:
  SqliteStatement() = default;

  /// Parameters are numbered from 1.
  void Bind(int parameter, std::int64_t value);
  void Bind(int parameter, std::string_view text);
  void Bind(int parameter, std::span<const std::byte> blob);

  /// True when there is a row to read, false at the end.
  Result<bool> Step();
  /// For statements without rows: executes once and resets.
  Status Run();
  /// Ready to be bound and stepped again; ends the statement's hold on its snapshot.
  void Reset();

  /// Columns are numbered from 0.
  std::int64_t Integer(int column);
  double Real(int column);
  std::string_view Text(int column);
  std::span<const std::byte> Blob(int column);
  /// OK unless a parameter or a column could not be handed over for want of memory.
  Status Check() const;

 private:
  friend class SqliteConnection;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int kept_error_ = 0;
};

/// Resets a statement that is used again and again when its user is done with it.
class SqliteResetter {
 public:
  explicit SqliteResetter(SqliteStatement& statement) : statement_(statement) {}
  SqliteResetter(const SqliteResetter&) = delete;
  SqliteResetter& operator=(const SqliteResetter&) = delete;
  ~SqliteResetter() { statement_.Reset(); }

 private:
  SqliteStatement& statement_;
};

enum class SqliteAccess : std::uint8_t {
  kReadOnly,
  kReadWrite,  ///< creates the file
  kMemory,     ///< a database that is gone when the connection is; the path is not looked at
};

/// A connection, used by one thread at a time. Hardened: the file's own SQL (triggers, views,
/// functions in the schema) does not run, and no row is larger than our limits allow.
class SqliteConnection {
 public:
  static Result<SqliteConnection> Open(const std::string& path, SqliteAccess access);

  /// `sql` is text of this program: values are bound, never written into it.
  Result<SqliteStatement> Prepare(std::string_view sql) const;
  /// Runs statements that take no parameters and whose rows do not matter.
  Status Execute(const char* sql) const;
  /// The first column of the first row of a query without parameters.
  Result<std::int64_t> QueryInteger(std::string_view sql) const;

  /// SQLite's extended result code of the newest call that failed.
  int LastErrorCode() const;
  /// True when a system call of this connection has ever failed for another reason than a full
  /// disk.
  bool HadSystemError() const;
  bool InTransaction() const;
  /// Has the system write the database and its log to the disk.
  Status Sync() const;
  /// Writes the whole database anew, without its free pages, in one commit. Ids of rows stay.
  Status Vacuum() const;
  /// Moves the log into the file and cuts both to their lengths; false when somebody still reads
  /// what is older.
  Result<bool> TruncateLog() const;
  /// Leaves the write-ahead log as it is when the connection closes.
  void KeepLogOnClose() const;

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };

  std::unique_ptr<sqlite3, Closer> connection_;
};

/// A transaction that is rolled back unless it is committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(const SqliteConnection& connection) : connection_(connection) {}
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction();

  /// The snapshot is taken by the first read.
  Status BeginRead() { return connection_.Execute("BEGIN"); }
  /// kUnavailable when another program holds the write lock for longer than the busy timeout.
  Status BeginWrite() { return connection_.Execute("BEGIN IMMEDIATE"); }
  Status Commit() { return connection_.Execute("COMMIT"); }

 private:
  const SqliteConnection& connection_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_HANDLE_H_
