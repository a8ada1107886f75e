// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_transaction.h"

#include <chrono>
#include <random>
#include <thread>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

using std::chrono::milliseconds;

// What is asked after a lost commit is asked for about five seconds: a server that was killed takes
// a while to recover.
constexpr int kOutcomeAttempts = 10;
constexpr milliseconds kOutcomeWait{500};

/// Waits the longer the more attempts there were, and never as long as another who does the same.
void BackOff(int attempt) {
  thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> wait(1, 4 << attempt);
  std::this_thread::sleep_for(milliseconds(wait(random)));
}

enum class Outcome : std::uint8_t { kCommitted, kAborted, kUnknown };

Result<std::string> AskForState(PostgresPool& pool, const std::string& id) {
  EDB_ASSIGN(const PostgresPool::Lease lease, pool.Acquire());
  PostgresParams params;
  params.Text(id);
  EDB_ASSIGN(const PostgresResult state,
             lease->Query("SELECT coalesce(pg_xact_status($1::text::xid8), '')", params));
  return std::string(state.Text(0, 0));
}

Outcome FindOut(PostgresPool& pool, const std::string& id) {
  for (int attempt = 0; attempt < kOutcomeAttempts; ++attempt) {
    const Result<std::string> state = AskForState(pool, id);
    if (state.ok() && *state != "in progress") {
      return *state == "committed" ? Outcome::kCommitted
             : *state == "aborted" ? Outcome::kAborted
                                   : Outcome::kUnknown;
    }
    pool.DropIdle();
    std::this_thread::sleep_for(kOutcomeWait);
  }
  return Outcome::kUnknown;
}

}  // namespace

PostgresTransaction::~PostgresTransaction() {
  if (open_ && !connection_.lost()) {
    connection_.RollBack();
  }
}

void PostgresTransaction::BeginSnapshot() {
  open_ = true;
  connection_.Ahead("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

Status PostgresTransaction::BeginWrite() {
  open_ = true;
  EDB_ASSIGN(const PostgresResult id,
             connection_.Execute("BEGIN; SELECT pg_current_xact_id()::text"));
  id_ = id.Text(0, 0);
  return {};
}

Result<PostgresResult> PostgresTransaction::BeginWriteWith(const std::string& sql,
                                                           const PostgresParams& params) {
  open_ = true;
  connection_.Ahead("BEGIN");
  EDB_ASSIGN(PostgresResult rows, connection_.Prepared(sql, params));
  id_ = rows.Text(0, 0);
  return rows;
}

Status PostgresTransaction::Commit() {
  commit_sent_ = true;
  EDB_TRY(connection_.Execute("COMMIT").status());
  open_ = false;
  return {};
}

Status PostgresWrite(PostgresPool& pool, const std::function<Status(PostgresTransaction&)>& write) {
  Status status;
  for (int attempt = 0; attempt < kMaxPostgresAttempts; ++attempt) {
    std::string id;
    bool in_doubt = false;
    bool lost = false;
    {
      EDB_ASSIGN(const PostgresPool::Lease lease, pool.Acquire());
      PostgresTransaction transaction(*lease);
      status = write(transaction);
      status = status.ok() ? transaction.Commit() : status;
      if (status.ok()) {
        return {};
      }
      lost = lease->lost();
      in_doubt = lost && transaction.commit_sent();
      id = transaction.id();
    }
    if (lost) {
      pool.DropIdle();
    }
    if (in_doubt) {
      const Outcome outcome = FindOut(pool, id);
      if (outcome == Outcome::kCommitted) {
        return {};
      }
      if (outcome == Outcome::kUnknown) {
        return UnknownError(Concat(
            "the connection broke while transaction ", id,
            " was committed, and the server cannot be asked whether it was: ", status.message()));
      }
    } else if (!lost && status.code() != StatusCode::kAborted) {
      return status;
    }
    BackOff(attempt);
  }
  return UnavailableError(
      Concat("given up after ", kMaxPostgresAttempts, " attempts: ", status.message()));
}

}  // namespace embeddingsdb
