// SPDX-License-Identifier: BSD-3-Clause
//
// Transactions, and what is done when one fails: reads are asked again on a fresh session, writes
// that lost to others are made again, and of a commit whose answer was lost the server is asked
// what became of it.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_TRANSACTION_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_TRANSACTION_H_

#include <functional>
#include <string>
#include <utility>

#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_pool.h"

namespace embeddingsdb {

/// A transaction that is rolled back unless it is committed.
class PostgresTransaction {
 public:
  explicit PostgresTransaction(PostgresConnection& connection) : connection_(connection) {}
  PostgresTransaction(const PostgresTransaction&) = delete;
  PostgresTransaction& operator=(const PostgresTransaction&) = delete;
  ~PostgresTransaction();

  /// All its statements see the records of one moment, that of the first, with which it begins.
  void BeginSnapshot();
  /// Takes a transaction id, by which its outcome can be asked for.
  Status BeginWrite();
  /// The same in one round trip with a statement that is prepared, and gives one row or more whose
  /// first column is pg_current_xact_id()::text.
  Result<PostgresResult> BeginWriteWith(const std::string& sql, const PostgresParams& params);
  Status Commit();

  PostgresConnection& connection() { return connection_; }
  /// True from when the server may have committed.
  bool commit_sent() const { return commit_sent_; }
  const std::string& id() const { return id_; }

 private:
  PostgresConnection& connection_;
  std::string id_;
  bool open_ = false;
  bool commit_sent_ = false;
};

/// Asks `read`, and once more on a fresh session when the first was lost: the server may have been
/// started anew since it was opened.
template <typename T>
Result<T> PostgresRead(PostgresPool& pool,
                       const std::function<Result<T>(PostgresConnection&)>& read) {
  for (bool again = true;; again = false) {
    EDB_ASSIGN(const PostgresPool::Lease lease, pool.Acquire());
    Result<T> result = read(*lease);
    if (result.ok() || !lease->lost() || !again) {
      return result;
    }
    pool.DropIdle();
  }
}

/// The same in a transaction that sees one moment.
template <typename T>
Result<T> PostgresSnapshot(PostgresPool& pool,
                           const std::function<Result<T>(PostgresConnection&)>& read) {
  return PostgresRead<T>(pool, [&](PostgresConnection& connection) -> Result<T> {
    PostgresTransaction snapshot(connection);
    snapshot.BeginSnapshot();
    return read(connection);
  });
}

/// Runs `write`, which begins the transaction, and commits it, up to kMaxPostgresAttempts times
/// while it loses to others or its session is lost before the commit. kUnavailable when it lost
/// every time; kUnknown when the commit's answer was lost and the server cannot be asked.
Status PostgresWrite(PostgresPool& pool, const std::function<Status(PostgresTransaction&)>& write);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_TRANSACTION_H_
