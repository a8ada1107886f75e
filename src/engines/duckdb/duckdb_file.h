// SPDX-License-Identifier: BSD-3-Clause
//
// The DuckDB file of a database: opening it safely, its tables, and connections to read it with.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_FILE_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_FILE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "duckdb_c/handle.h"

namespace embeddingsdb {

/// A connection to a database file. Statements are compile-time texts or made from enumerations; a
/// caller's text is always bound.
class DuckdbSession {
 public:
  explicit DuckdbSession(duckdb_c::Connection connection) : connection_(std::move(connection)) {}

  const duckdb_c::Connection& connection() const { return connection_; }
  Result<duckdb_c::ResultSet> Run(
      const std::string& sql, std::initializer_list<duckdb_c::Parameter> parameters = {}) const {
    return connection_.Run(sql, parameters);
  }
  Result<duckdb_c::ResultSet> Run(const std::string& sql,
                                  std::span<const duckdb_c::Parameter> parameters) const {
    return connection_.Run(sql, parameters);
  }
  /// Runs a statement whose answer is one integer; `fallback` when it is NULL or has no row.
  Result<std::int64_t> Number(const std::string& sql,
                              std::initializer_list<duckdb_c::Parameter> parameters,
                              std::int64_t fallback) const;
  /// A number of db.meta; `fallback` when it is not there.
  Result<std::int64_t> Mark(const std::string& name, std::int64_t fallback) const;

 private:
  duckdb_c::Connection connection_;
};

/// What DuckDB's buffers may take, in bytes.
std::int64_t DuckdbMemoryLimit();

/// Where a file is written that becomes the one at `path`.
inline std::string FreshDuckdbFile(const std::string& path) {
  return path + ".new";
}
/// Removes the fresh file and its log, if they are there.
Status RemoveFreshDuckdbFile(const std::string& path, Env& env);
/// Gives the fresh file, which nobody has open, the name `path`. The caller has the lock of `path`.
Status PutFreshDuckdbFile(const std::string& path, Env& env);
/// Makes a file without records, wholly or not at all. The caller has its lock, and has removed
/// what a killed process left.
Status MakeDuckdbFile(const std::string& path, Env& env);

struct DuckdbFileOptions {
  std::string path;  ///< empty: in memory
  bool read_only = false;
  std::unique_ptr<FileLock> lock;  ///< held until the file is closed for good
};

/// An open database file, attached as `db`. Its tables:
///   db.embeddings  one row a record, found by `id`, which grows with every write: the rows lie in
///                  id order, so zone maps find an id without an index
///   db.keys        key (provider, depiction_id, model joined by U+001F) -> id
///   db.catalog     records by model and provider, as of the last close; holds while no row has a
///                  larger id than `catalog_id` in db.meta and there are as many rows
///   db.meta        format, version, and what the rows alone do not tell
/// Safe for concurrent use. Cursors keep it, and with it the lock, alive.
class DuckdbFile {
 public:
  /// Opens or creates the file. kFailedPrecondition for a file that is locked, is no DuckDB
  /// database, or belongs to something else; the message says which.
  static Result<std::shared_ptr<DuckdbFile>> Open(DuckdbFileOptions options);

  bool persistent() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

  /// A session of the pool, given back when the pointer goes.
  class Lease {
   public:
    Lease(DuckdbFile* file, std::unique_ptr<DuckdbSession> session)
        : file_(file), session_(std::move(session)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (session_ != nullptr) {
        file_->GiveBack(std::move(session_));
      }
    }
    DuckdbSession* operator->() const { return session_.get(); }
    DuckdbSession& operator*() const { return *session_; }

   private:
    DuckdbFile* file_;
    std::unique_ptr<DuckdbSession> session_;
  };
  Result<Lease> Borrow();
  /// A session outside the pool, for streams.
  Result<std::unique_ptr<DuckdbSession>> NewSession();

  /// For one who opens the file again.
  std::unique_ptr<FileLock> TakeLock() { return std::move(lock_); }
  /// Drops the sessions of the pool.
  void DropSessions();

 private:
  DuckdbFile(DuckdbFileOptions options, duckdb_c::Database database)
      : path_(std::move(options.path)),
        lock_(std::move(options.lock)),
        database_(std::move(database)) {}

  void GiveBack(std::unique_ptr<DuckdbSession> session);

  std::string path_;
  std::unique_ptr<FileLock> lock_;  // declared before the database: given up after it
  duckdb_c::Database database_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<DuckdbSession>> idle_;  // guarded by mutex_
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_FILE_H_
