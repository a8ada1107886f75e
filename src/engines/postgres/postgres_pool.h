// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_POOL_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// At most kMaxPostgresConnections sessions that are lent to one call each. Safe for concurrent
/// use; must outlive what it lends.
class PostgresPool {
 public:
  /// A session until it is destroyed. One that is lost or in a transaction by then is closed.
  class Lease {
   public:
    Lease(PostgresPool& pool, std::unique_ptr<PostgresConnection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (connection_ != nullptr) {
        pool_->Return(std::move(connection_));
      }
    }

    PostgresConnection& operator*() const { return *connection_; }
    PostgresConnection* operator->() const { return connection_.get(); }

   private:
    PostgresPool* pool_;
    std::unique_ptr<PostgresConnection> connection_;
  };

  explicit PostgresPool(PostgresLocation location) : location_(std::move(location)) {}

  /// Waits when all are lent.
  Result<Lease> Acquire();
  /// A session beside those of the pool, to be kept as long as its owner likes; the location it
  /// was opened with is the pool's.
  Result<std::unique_ptr<PostgresConnection>> OpenOwn() {
    return PostgresConnection::Open(location_);
  }
  /// Closes the sessions that nobody has: after one was lost the others are likely to be.
  void DropIdle();
  /// Waits until the sessions that nobody has are in no transaction.
  void Settle();

  const PostgresLocation& location() const { return location_; }

 private:
  void Return(std::unique_ptr<PostgresConnection> connection);

  const PostgresLocation location_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<PostgresConnection>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_POOL_H_
