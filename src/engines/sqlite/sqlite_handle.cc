// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_handle.h"

#include <cerrno>
#include <optional>
#include <sqlite3.h>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/lock_holder.h"
#include "core/text.h"
#include "engines/sqlite/sqlite_vec.h"

// SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode when a commit meets the reset of the
// log by another connection's checkpoint.
static_assert(SQLITE_VERSION_NUMBER >= 3051003, "this SQLite has the WAL-reset fault");

namespace embeddingsdb {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

// Longer than any row of ours: each byte of the attributes may take six as \u00XX.
constexpr int kMaxRowBytes =
    static_cast<int>(6 * kMaxAttributesBytes + sizeof(float) * kMaxDimension + 64 * 1'024);

/// What a failed system call says about the cause of SQLITE_IOERR and SQLITE_CANTOPEN.
StatusCode CodeForErrno(int error, bool opening) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      return StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
      if (opening) {
        return StatusCode::kPermissionDenied;
      }
      break;
    default:
      break;
  }
  return opening ? StatusCode::kFailedPrecondition : StatusCode::kInternal;
}

StatusCode CodeFor(sqlite3* connection, int result) {
  const int error = connection == nullptr ? 0 : sqlite3_system_errno(connection);
  switch (result & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:  // no record of ours is as large as the limit of the connection
      return StatusCode::kDataLoss;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return StatusCode::kUnavailable;
    case SQLITE_READONLY:
      return StatusCode::kFailedPrecondition;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return StatusCode::kPermissionDenied;
    case SQLITE_IOERR:
      return CodeForErrno(error, false);
    case SQLITE_CANTOPEN:
      return CodeForErrno(error, true);
    default:
      return StatusCode::kInternal;
  }
}

/// Whoever keeps the connection from a lock: of the log it is in the file beside it.
std::string HolderOf(sqlite3* connection, int result) {
  const char* file = connection == nullptr || (result & 0xff) != SQLITE_BUSY
                         ? nullptr
                         : sqlite3_db_filename(connection, "main");
  if (file == nullptr || *file == '\0') {
    return {};
  }
  std::optional<long> pid = OtherLockHolderOf(Concat(file, "-shm"));
  if (!pid) {
    pid = OtherLockHolderOf(file);
  }
  return pid ? Concat(", held by ", DescribeProcess(*pid)) : std::string();
}

/// The newest error of a connection. SQLite's messages name columns and tables, never values.
Status ErrorOf(sqlite3* connection, int result, std::string_view what) {
  const char* message = sqlite3_errstr(result);
  std::string where;
  if (connection != nullptr) {
    if (sqlite3_extended_errcode(connection) == result) {
      message = sqlite3_errmsg(connection);
    }
    const char* file = sqlite3_db_filename(connection, "main");
    if (file != nullptr && *file != '\0') {
      where = Concat(" ", Quote(file));
    }
  }
  return {CodeFor(connection, result), Concat(what, where, ": ", message, " (SQLite ", result, ")",
                                              HolderOf(connection, result))};
}

}  // namespace

void SqliteStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteStatement::Bind(int parameter, std::int64_t value) {
  const int result = sqlite3_bind_int64(statement_.get(), parameter, value);
  if (result != SQLITE_OK) {
    kept_error_ = result;
  }
}

// An empty view may hold a null pointer, which SQLite would take for NULL; hence the literal "".
void SqliteStatement::Bind(int parameter, std::string_view text) {
  const int result =
      sqlite3_bind_text64(statement_.get(), parameter, text.empty() ? "" : text.data(), text.size(),
                          nullptr /* SQLITE_STATIC */, SQLITE_UTF8);
  if (result != SQLITE_OK) {
    kept_error_ = result;
  }
}

void SqliteStatement::Bind(int parameter, std::span<const std::byte> blob) {
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  const int result = sqlite3_bind_blob64(statement_.get(), parameter, data, blob.size(),
                                         nullptr /* SQLITE_STATIC */);
  if (result != SQLITE_OK) {
    kept_error_ = result;
  }
}

Result<bool> SqliteStatement::Step() {
  EDB_TRY(Check());
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) {
    return true;
  }
  if (result == SQLITE_DONE) {
    return false;
  }
  return ErrorOf(sqlite3_db_handle(statement_.get()), result, "cannot access");
}

Status SqliteStatement::Run() {
  const SqliteResetter resetter(*this);
  return Step().status();
}

void SqliteStatement::Reset() {
  // Repeats the error of the last Step, which has been reported already.
  static_cast<void>(sqlite3_reset(statement_.get()));
  kept_error_ = SQLITE_OK;
}

std::int64_t SqliteStatement::Integer(int column) {
  return sqlite3_column_int64(statement_.get(), column);
}

double SqliteStatement::Real(int column) {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view SqliteStatement::Text(int column) {
  const std::span<const std::byte> bytes = Blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> SqliteStatement::Blob(int column) {
  // As a blob even for text: text() would copy the value to put a NUL behind it.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) {
    if (size > 0) {
      kept_error_ = SQLITE_NOMEM;
    }
    return {};
  }
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(size)};
}

Status SqliteStatement::Check() const {
  if (kept_error_ == SQLITE_OK) {
    return {};
  }
  return ErrorOf(nullptr, kept_error_, "cannot pass a value");
}

void SqliteConnection::Closer::operator()(sqlite3* connection) const {
  static_cast<void>(sqlite3_close_v2(connection));  // cannot fail
}

Result<SqliteConnection> SqliteConnection::Open(const std::string& path, SqliteAccess access) {
  EDB_TRY(UseSqliteVec());
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (access == SqliteAccess::kReadOnly) {
    flags |= SQLITE_OPEN_READONLY;
  } else {
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  }
  const char* name = access == SqliteAccess::kMemory ? ":memory:" : path.c_str();
  sqlite3* raw = nullptr;
  const int result = sqlite3_open_v2(name, &raw, flags, nullptr);
  SqliteConnection connection;
  connection.connection_.reset(raw);  // there is one even after most errors
  if (result != SQLITE_OK) {
    return ErrorOf(raw, result, "cannot open");
  }

  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kMaxRowBytes);
  sqlite3_limit(raw, SQLITE_LIMIT_ATTACHED, 0);
  for (const auto& [option, value] :
       {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1}, std::pair{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        std::pair{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, std::pair{SQLITE_DBCONFIG_ENABLE_VIEW, 0}}) {
    if (sqlite3_db_config(raw, option, value, nullptr) != SQLITE_OK) {
      return InternalError(Concat("SQLite lacks connection option ", option));
    }
  }
  EDB_TRY(connection.Execute("PRAGMA cell_size_check = ON"));
  return connection;
}

Result<SqliteStatement> SqliteConnection::Prepare(std::string_view sql) const {
  sqlite3_stmt* raw = nullptr;
  const int result = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        0, &raw, nullptr);
  SqliteStatement statement;
  statement.statement_.reset(raw);
  if (result != SQLITE_OK) {
    return ErrorOf(connection_.get(), result, "cannot access");
  }
  return statement;
}

Status SqliteConnection::Execute(const char* sql) const {
  const int result = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (result == SQLITE_OK) {
    return {};
  }
  return ErrorOf(connection_.get(), result, "cannot access");
}

Result<std::int64_t> SqliteConnection::QueryInteger(std::string_view sql) const {
  EDB_ASSIGN(SqliteStatement statement, Prepare(sql));
  EDB_ASSIGN(const bool row, statement.Step());
  if (!row) {
    return DataLossError("a row that is always there is not there");
  }
  return statement.Integer(0);
}

int SqliteConnection::LastErrorCode() const {
  return sqlite3_extended_errcode(connection_.get());
}

bool SqliteConnection::HadSystemError() const {
  return sqlite3_system_errno(connection_.get()) != 0;
}

bool SqliteConnection::InTransaction() const {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

Status SqliteConnection::Sync() const {
  // The files are synced through SQLite's own descriptors: opening and closing another one here
  // would drop the locks this process holds on them.
  for (const int pointer : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    const int found =
        sqlite3_file_control(connection_.get(), "main", pointer, static_cast<void*>(&file));
    if (found != SQLITE_OK) {
      return ErrorOf(nullptr, found, "cannot find the file to sync");
    }
    if (file == nullptr || file->pMethods == nullptr) {
      continue;  // not opened yet
    }
    const int synced = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
    if (synced != SQLITE_OK) {
      return ErrorOf(nullptr, synced, "cannot sync");
    }
  }
  return {};
}

Status SqliteConnection::Vacuum() const {
  // SQLite attaches the database that it copies to.
  sqlite3_limit(connection_.get(), SQLITE_LIMIT_ATTACHED, 1);
  const Status done = Execute("VACUUM");
  sqlite3_limit(connection_.get(), SQLITE_LIMIT_ATTACHED, 0);
  return done;
}

Result<bool> SqliteConnection::TruncateLog() const {
  EDB_ASSIGN(const std::int64_t busy, QueryInteger("PRAGMA wal_checkpoint(TRUNCATE)"));
  return busy == 0;
}

void SqliteConnection::KeepLogOnClose() const {
  // Only a refused argument could fail here.
  static_cast<void>(
      sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr));
}

SqliteTransaction::~SqliteTransaction() {
  // After a full disk or an I/O error SQLite may have rolled back by itself.
  if (!connection_.InTransaction()) {
    return;
  }
  connection_.Execute("ROLLBACK").IgnoreError("what made us roll back is what gets reported");
}

}  // namespace embeddingsdb
