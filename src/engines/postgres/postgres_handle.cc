// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_handle.h"

#include <algorithm>
#include <charconv>
#include <libpq-fe.h>
#include <random>
#include <utility>

#include "core/text.h"
#include "engines/postgres/postgres_status.h"

namespace embeddingsdb {
namespace {

constexpr int kMinServerVersion = 130'000;  // pg_current_xact_id()
constexpr std::size_t kCopyChunk = 1 << 20;
constexpr std::size_t kMaxPrepared = 100;  // the server keeps a plan of each

/// Parameters as libpq wants them.
struct Bound {
  explicit Bound(const PostgresParams& params) {
    for (std::size_t i = 0; i < params.size(); ++i) {
      types.push_back(params.type(i));
      values.push_back(params.bytes(i).data());
      lengths.push_back(static_cast<int>(params.bytes(i).size()));
      formats.push_back(1);
    }
  }
  int size() const { return static_cast<int>(values.size()); }

  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

/// "0.8.7" as 807; what is no number counts as 0.
int PackVersion(std::string_view version) {
  int packed = 0;
  for (int part = 0; part < 3; ++part) {
    int value = 0;
    const auto [end, error] =
        std::from_chars(version.data(), version.data() + version.size(), value);
    packed = packed * 100 + (error == std::errc() ? value : 0);
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    version.remove_prefix(version.starts_with('.') ? 1 : 0);
  }
  return packed;
}

std::string_view SyncCommit(Durability durability) {
  return durability == Durability::kPower ? "on" : "off";
}

}  // namespace

void PostgresResult::Clearer::operator()(pg_result* result) const {
  PQclear(result);
}

int PostgresResult::rows() const {
  return result_ ? PQntuples(result_.get()) : 0;
}

std::int64_t PostgresResult::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

bool PostgresResult::IsNull(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PostgresResult::Text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

void PostgresConnection::Closer::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const PostgresLocation& location) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  const auto add = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  for (const auto& [name, value] : location.parameters) {
    add(name.c_str(), value.c_str());
  }
  if (!location.password.empty()) {
    add("password", location.password.c_str());
  }
  add("client_encoding", "UTF8");
  add("application_name", "embeddingsdb");
  // A server that is gone without a word is noticed within about a minute.
  add("keepalives_idle", "30");
  add("keepalives_interval", "10");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "60000");
  add(nullptr, nullptr);
  std::unique_ptr<PostgresConnection> connection(
      new PostgresConnection(PQconnectdbParams(names.data(), values.data(), 0)));
  if (connection->connection_ == nullptr) {
    return ResourceExhaustedError("PostgreSQL: no memory for a connection");
  }
  if (PQstatus(connection->connection_.get()) != CONNECTION_OK) {
    return connection->Failure(nullptr);
  }
  // What the server remarks goes to nobody's terminal.
  PQsetNoticeProcessor(connection->connection_.get(), [](void*, const char*) {}, nullptr);
  if (connection->server_version() < kMinServerVersion) {
    return FailedPreconditionError(Concat("PostgreSQL ", connection->server_version() / 10'000,
                                          " is too old, the oldest that works is 13"));
  }
  // No two are alike, even where connections share a session, as behind some proxies.
  connection->session_ = (std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}();
  EDB_TRY(connection->SetUpSession(location));
  return connection;
}

Status PostgresConnection::SetUpSession(const PostgresLocation& location) {
  PostgresParams params;
  params.Text(location.schema);
  params.Text(std::to_string(location.statement_seconds * 1'000LL));
  params.Text(location.options.read_only ? "on" : "off");
  params.Text(SyncCommit(location.options.durability));
  // The path holds the schema and the one of pgvector's operators, so nobody's objects of the same
  // names come between. A server that waits for more than its own disk goes on to do so.
  EDB_ASSIGN(
      const PostgresResult session,
      Query("SELECT coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), ''),"
            " current_setting('server_encoding'),"
            " set_config('search_path', quote_ident($1) || coalesce((SELECT ', ' ||"
            " quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n"
            " ON n.oid = e.extnamespace WHERE e.extname = 'vector'), ''), false),"
            " set_config('statement_timeout', $2, false),"
            " set_config('default_transaction_read_only', $3, false),"
            " set_config('default_transaction_isolation', 'read committed', false),"
            " set_config('synchronous_commit', CASE WHEN $4 = 'on' AND"
            " current_setting('synchronous_commit') <> 'off' THEN"
            " current_setting('synchronous_commit') ELSE $4 END, false)",
            params));
  vector_version_ = PackVersion(session.Text(0, 0));
  if (session.Text(0, 1) != "UTF8") {
    return FailedPreconditionError(Concat("the PostgreSQL database has encoding ",
                                          session.Text(0, 1), ", but texts need UTF8"));
  }
  return {};
}

Result<PostgresResult> PostgresConnection::Query(const std::string& sql,
                                                 const PostgresParams& params) {
  return Ask({.sql = sql, .params = params, .name = ""});
}

Result<PostgresResult> PostgresConnection::Prepared(const std::string& sql,
                                                    const PostgresParams& params) {
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) {
    found->second.used = ++uses_;
    return Ask({.sql = sql, .params = params, .name = found->second.name});
  }
  if (prepared_.size() >= kMaxPrepared) {
    const auto oldest = std::ranges::min_element(
        prepared_, {}, [](const auto& statement) { return statement.second.used; });
    Ahead(Concat("DEALLOCATE ", oldest->second.name));
    prepared_.erase(oldest);
  }
  const std::string name = Concat("edb_", session_, "_", ++uses_);
  return Ask({.sql = sql, .params = params, .name = name, .prepare = true});
}

bool PostgresConnection::SendAll(const Question& question) {
  pg_conn* const to = connection_.get();
  const Bound bound(question.params);
  bool sent = true;
  for (const std::string& sql : ahead_) {
    sent =
        sent && PQsendQueryParams(to, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) == 1;
  }
  const char* const name = question.name.c_str();
  if (question.prepare) {
    sent = sent &&
           PQsendPrepare(to, name, question.sql.c_str(), bound.size(), bound.types.data()) == 1;
  }
  if (question.name.empty()) {
    sent = sent && PQsendQueryParams(to, question.sql.c_str(), bound.size(), bound.types.data(),
                                     bound.values.data(), bound.lengths.data(),
                                     bound.formats.data(), 1) == 1;
  } else {
    sent = sent && PQsendQueryPrepared(to, name, bound.size(), bound.values.data(),
                                       bound.lengths.data(), bound.formats.data(), 1) == 1;
  }
  return sent && PQpipelineSync(to) == 1;
}

// libpq's pipeline: the server answers all statements at once, and skips those behind one that
// failed. What goes ahead gives no rows, so the server never waits for us to read.
Result<PostgresResult> PostgresConnection::Ask(const Question& question) {
  Settle();
  const std::size_t prepare_at = ahead_.size();
  const bool sent = PQenterPipelineMode(connection_.get()) == 1 && SendAll(question);
  ahead_.clear();
  if (!sent) {
    const Status failure = Failure(nullptr);
    lost_ = true;  // nobody knows what the server still answers
    return failure;
  }
  Result<PostgresResult> last = PostgresResult();
  std::size_t answers = 0;
  for (bool between = false; !lost_;) {
    pg_result* const result = PQgetResult(connection_.get());
    if (result == nullptr) {  // one between two answers
      lost_ = between || PQstatus(connection_.get()) != CONNECTION_OK;
      between = true;
      continue;
    }
    between = false;
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
      PQclear(result);
      break;
    }
    Result<PostgresResult> one = Take(result);
    if (last.ok()) {  // the first failure is the reason of the others
      if (question.prepare && answers == prepare_at && one.ok()) {
        prepared_.emplace(question.sql, Statement{.name = question.name, .used = uses_});
      }
      last = std::move(one);
      ++answers;
    }
  }
  if (PQexitPipelineMode(connection_.get()) != 1) {
    lost_ = true;
  }
  if (!last.ok()) {
    setting_.clear();
    // What it gives has another type by now: the server wants it prepared anew.
    lost_ = lost_ || (last.status().code() == StatusCode::kUnimplemented &&
                      !question.name.empty() && !question.prepare);
  }
  return lost_ && last.ok() ? Failure(nullptr) : std::move(last);
}

Result<PostgresResult> PostgresConnection::Execute(const std::string& sql) {
  Settle();
  std::string all;
  for (const std::string& first : ahead_) {
    all += Concat(first, "; ");
  }
  ahead_.clear();
  return Take(PQexec(connection_.get(), (all + sql).c_str()));
}

void PostgresConnection::Setting(const std::string& sql) {
  if (setting_ != sql) {
    Ahead(sql);
    setting_ = sql;
  }
}

void PostgresConnection::RollBack() {
  setting_.clear();
  Settle();
  if (!ahead_.empty()) {  // the transaction has not begun
    ahead_.clear();
    if (idle()) {
      return;
    }
  }
  rolled_back_ = PQsendQuery(connection_.get(), "ROLLBACK") == 1;
}

void PostgresConnection::Settle() {
  if (rolled_back_) {
    rolled_back_ = false;
    while (pg_result* const result = PQgetResult(connection_.get())) {
      PQclear(result);
    }
    lost_ = lost_ || !idle();
  }
}

Status PostgresConnection::CopyIn(const std::string& sql, std::string_view data) {
  EDB_TRY(Execute(sql).status());
  bool sent = true;
  while (sent && !data.empty()) {
    const std::string_view chunk = data.substr(0, kCopyChunk);
    sent = PQputCopyData(connection_.get(), chunk.data(), static_cast<int>(chunk.size())) == 1;
    data.remove_prefix(chunk.size());
  }
  sent = sent && PQputCopyEnd(connection_.get(), nullptr) == 1;
  // What the server says of it is more than that it could not be sent.
  Status status;
  while (pg_result* const result = PQgetResult(connection_.get())) {
    const Status one = Take(result).status();
    status = status.ok() ? one : status;
    if (lost_) {
      break;
    }
  }
  return status.ok() && !sent ? Failure(nullptr) : status;
}

Result<std::string> PostgresConnection::Literal(std::string_view text) {
  char* const escaped = PQescapeLiteral(connection_.get(), text.data(), text.size());
  if (escaped == nullptr) {
    return Failure(nullptr);
  }
  std::string literal(escaped);
  PQfreemem(escaped);
  return literal;
}

bool PostgresConnection::idle() const {
  return rolled_back_ || PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
}

int PostgresConnection::server_version() const {
  return PQserverVersion(connection_.get());
}

int PostgresConnection::backend_pid() const {
  return PQbackendPID(connection_.get());
}

Result<PostgresResult> PostgresConnection::Take(pg_result* result) {
  PostgresResult taken(result);
  switch (result == nullptr ? PGRES_FATAL_ERROR : PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
      return taken;
    default:
      return Failure(result);
  }
}

Status PostgresConnection::Failure(const pg_result* result) {
  const char* const state =
      result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view sqlstate = state == nullptr ? "" : state;
  const bool broken = PQstatus(connection_.get()) != CONNECTION_OK;
  lost_ = lost_ || broken || EndsConnection(sqlstate);
  if (state != nullptr) {
    const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    return PostgresError(sqlstate, message == nullptr ? "" : message);
  }
  std::string message = PQerrorMessage(connection_.get());
  std::replace(message.begin(), message.end(), '\n', ' ');
  while (message.ends_with(' ')) {
    message.pop_back();
  }
  // libpq has no codes for what went wrong before there was a session.
  const bool refused = message.find("authentication failed") != std::string::npos ||
                       message.find("no password supplied") != std::string::npos;
  const bool absent = message.find("database \"") != std::string::npos &&
                      message.find("does not exist") != std::string::npos;
  return PostgresError(refused ? "28P01" : absent ? "3D000" : "08006", message);
}

}  // namespace embeddingsdb
