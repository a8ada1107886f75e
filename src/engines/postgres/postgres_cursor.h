// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CURSOR_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CURSOR_H_

#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"
#include "engines/postgres/postgres_pool.h"

namespace embeddingsdb {

/// Walks the rows of a query that are too many to be held at once, some hundred at a time. It lives
/// in a transaction of its connection; both must outlive it, and the connection does nothing else
/// meanwhile.
class PostgresCursor {
 public:
  explicit PostgresCursor(PostgresConnection& connection) : connection_(connection) {}

  /// `batch`: how many rows are fetched at a time.
  Status Declare(const std::string& sql, const PostgresParams& params, int batch);
  /// Moves to the next row; false at the end.
  Result<bool> Next();

  /// Where the current row is.
  const PostgresResult& result() const { return rows_; }
  int row() const { return row_; }

 private:
  PostgresConnection& connection_;
  PostgresResult rows_;
  std::string fetch_;
  int batch_ = 0;
  int row_ = 0;
};

/// Records that match, from the moment it was made, on a connection of its own. `pool` is needed to
/// make it and no longer.
Result<std::unique_ptr<RecordCursor>> PostgresScan(PostgresPool& pool,
                                                   const std::vector<Filter>& filters);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CURSOR_H_
