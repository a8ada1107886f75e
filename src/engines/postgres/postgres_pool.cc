// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_pool.h"

#include "embeddingsdb/limits.h"

namespace embeddingsdb {

Result<PostgresPool::Lease> PostgresPool::Acquire() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return lent_ < kMaxPostgresConnections; });
    ++lent_;
    if (!idle_.empty()) {
      Lease lease(*this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  Result<std::unique_ptr<PostgresConnection>> opened = OpenOwn();
  if (!opened.ok()) {
    Return(nullptr);
    return opened.status();
  }
  return Lease(*this, *std::move(opened));
}

void PostgresPool::Return(std::unique_ptr<PostgresConnection> connection) {
  const bool keep = connection != nullptr && !connection->lost() && connection->idle();
  {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (keep) {
      idle_.push_back(std::move(connection));
    }
  }
  returned_.notify_one();
}

void PostgresPool::DropIdle() {
  std::vector<std::unique_ptr<PostgresConnection>> idle;
  const std::lock_guard lock(mutex_);
  idle.swap(idle_);
}

void PostgresPool::Settle() {
  const std::lock_guard lock(mutex_);
  for (const std::unique_ptr<PostgresConnection>& connection : idle_) {
    connection->Settle();
  }
}

}  // namespace embeddingsdb
