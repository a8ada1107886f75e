// SPDX-License-Identifier: BSD-3-Clause
//
// libpq's handles with owners. Nothing outside src/engines/postgres sees libpq.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_HANDLE_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_HANDLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_location.h"
#include "engines/postgres/postgres_values.h"

struct pg_conn;
struct pg_result;

namespace embeddingsdb {

/// Rows that a statement gave. Rows and columns are numbered from 0; texts live as long as it does.
class PostgresResult {
 public:
  PostgresResult() = default;
  explicit PostgresResult(pg_result* result) : result_(result) {}

  int rows() const;
  /// How many rows the statement inserted, changed or removed.
  std::int64_t affected() const;
  bool IsNull(int row, int column) const;
  std::string_view Text(int row, int column) const;
  Result<std::int64_t> Integer(int row, int column) const {
    return DecodeInteger(Text(row, column));
  }
  Result<double> Real(int row, int column) const { return DecodeReal(Text(row, column)); }
  bool Bool(int row, int column) const { return Text(row, column) == std::string_view("\1", 1); }
  Status Floats(int row, int column, std::vector<float>& values) const {
    return DecodeFloats(Text(row, column), values);
  }

 private:
  struct Clearer {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clearer> result_;
};

/// A session, used by one thread at a time. Values come and go in binary formats.
class PostgresConnection {
 public:
  /// Connects and sets the session up: the schema is the one whose tables are meant, and timeouts
  /// and durability are those of the location.
  static Result<std::unique_ptr<PostgresConnection>> Open(const PostgresLocation& location);

  /// Runs one statement. `sql` is text of this program: values are parameters.
  Result<PostgresResult> Query(const std::string& sql, const PostgresParams& params = {});
  /// The same for what is asked again and again: a session keeps the newest of them, parsed and
  /// planned. A session that has lost them, or what they give, counts as lost: somebody has made
  /// it forget all else too.
  Result<PostgresResult> Prepared(const std::string& sql, const PostgresParams& params);
  /// Runs statements that take no parameters; the rows of the last, as text.
  Result<PostgresResult> Execute(const std::string& sql);
  /// `sql` is a COPY ... FROM STDIN, `data` all that it is to read.
  Status CopyIn(const std::string& sql, std::string_view data);
  /// `sql`, one statement without parameters and with few rows, goes ahead of what is asked next,
  /// in one round trip with it; when it fails, that is what is answered.
  void Ahead(std::string sql) { ahead_.push_back(std::move(sql)); }
  /// As Ahead, for a setting of the session, unless that is what was set last and nothing has
  /// failed since: the server forgets what was set in a transaction that is rolled back.
  void Setting(const std::string& sql);
  /// Ends a transaction without waiting for the answer: whoever asks next does.
  void RollBack();
  /// Waits for the answer to RollBack, if it is still to come.
  void Settle();
  /// As a literal of SQL, for what cannot be a parameter.
  Result<std::string> Literal(std::string_view text);

  /// True when nothing can be asked any more.
  bool lost() const { return lost_; }
  /// True when it is in no transaction, so somebody else may use it.
  bool idle() const;
  /// As 150018 for 15.18.
  int server_version() const;
  /// Of this session, for others to name it.
  int backend_pid() const;
  /// As Open does; once more when pgvector has been added to the database.
  Status SetUpSession(const PostgresLocation& location);
  /// As 807 for 0.8.7; 0 when the database does not have pgvector.
  int vector_version() const { return vector_version_; }

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  explicit PostgresConnection(pg_conn* connection) : connection_(connection) {}

  /// A statement with its parameters; by the name of a prepared one when `name` is not empty.
  struct Question {
    const std::string& sql;
    const PostgresParams& params;
    std::string name;
    bool prepare = false;  ///< it has to be prepared first
  };
  /// In one round trip with what goes ahead of it.
  Result<PostgresResult> Ask(const Question& question);
  bool SendAll(const Question& question);
  Result<PostgresResult> Take(pg_result* result);
  Status Failure(const pg_result* result);

  std::unique_ptr<pg_conn, Closer> connection_;
  struct Statement {
    std::string name;
    std::uint64_t used = 0;  ///< the larger, the later
  };
  std::map<std::string, Statement> prepared_;  // by their SQL
  std::uint64_t uses_ = 0;
  std::uint64_t session_ = 0;  // part of the names
  std::vector<std::string> ahead_;
  std::string setting_;       // the newest one, as long as it holds
  bool rolled_back_ = false;  // the answer is still to come
  bool lost_ = false;
  int vector_version_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_HANDLE_H_
