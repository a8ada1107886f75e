// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_cursor.h"

#include <utility>

#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/postgres/postgres_rows.h"
#include "engines/postgres/postgres_transaction.h"

namespace embeddingsdb {
namespace {

constexpr int kScanBatch = 256;  // 32 MB of the longest vectors

class PostgresRecordCursor final : public RecordCursor {
 public:
  PostgresRecordCursor(std::unique_ptr<PostgresConnection> connection,
                       const std::vector<Filter>& filters)
      : connection_(std::move(connection)),
        transaction_(*connection_),
        cursor_(*connection_),
        matcher_(filters) {}

  Status Begin(const std::vector<Filter>& filters) {
    transaction_.BeginSnapshot();
    PostgresParams params;
    const std::string sql = Concat("SELECT ", kPostgresRecord, " FROM records WHERE ",
                                   PostgresCondition(filters, params));
    return cursor_.Declare(sql, params, kScanBatch);
  }

  Result<bool> Next(Record& record) override {
    while (true) {
      EDB_ASSIGN(const bool more, cursor_.Next());
      if (!more) {
        return false;
      }
      EDB_TRY(ReadPostgresRecord(cursor_.result(), cursor_.row(), PostgresParts::kAll, record));
      if (matcher_.Matches(record)) {
        return true;
      }
    }
  }

 private:
  std::unique_ptr<PostgresConnection> connection_;
  PostgresTransaction transaction_;
  PostgresCursor cursor_;
  RecordMatcher matcher_;
};

}  // namespace

Status PostgresCursor::Declare(const std::string& sql, const PostgresParams& params, int batch) {
  batch_ = batch;
  row_ = -1;
  fetch_ = Concat("FETCH ", batch, " FROM rows_of_query");
  EDB_TRY(
      connection_.Query(Concat("DECLARE rows_of_query BINARY NO SCROLL CURSOR FOR ", sql), params)
          .status());
  // The moment is that of the first rows, so they are fetched now.
  EDB_ASSIGN(rows_, connection_.Query(fetch_));
  return {};
}

Result<bool> PostgresCursor::Next() {
  if (++row_ < rows_.rows()) {
    return true;
  }
  if (rows_.rows() < batch_) {
    row_ = rows_.rows();
    return false;
  }
  row_ = 0;
  EDB_ASSIGN(rows_, connection_.Query(fetch_));
  return rows_.rows() > 0;
}

Result<std::unique_ptr<RecordCursor>> PostgresScan(PostgresPool& pool,
                                                   const std::vector<Filter>& filters) {
  EDB_ASSIGN(std::unique_ptr<PostgresConnection> connection, pool.OpenOwn());
  auto cursor = std::make_unique<PostgresRecordCursor>(std::move(connection), filters);
  EDB_TRY(cursor->Begin(filters));
  return std::unique_ptr<RecordCursor>(std::move(cursor));
}

}  // namespace embeddingsdb
