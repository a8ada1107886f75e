// SPDX-License-Identifier: BSD-3-Clause
//
// RowReader: the rows of a Parquet file through DuckDB, one by one, whether they are valid or not.
// ParquetReader stops at the first that is not; a validator wants to see them all.
#ifndef EMBEDDINGSDB_PARQUET_ROW_READER_H_
#define EMBEDDINGSDB_PARQUET_ROW_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "duckdb_c/handle.h"
#include "parquet/parquet_columns.h"
#include "parquet/parquet_file.h"

namespace embeddingsdb {

/// Holds a bounded part of the file. One thread at a time.
class RowReader {
 public:
  /// Lets DuckDB read footer and schema. kInvalidArgument, naming the file, when it cannot.
  static Result<std::unique_ptr<RowReader>> Open(ParquetFile file);

  const ParquetFile& file() const { return file_; }
  /// What the footer promises.
  std::int64_t rows() const { return rows_; }
  /// Of a key that is there several times the first value.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// The columns at the top and their types as DuckDB prints them.
  const std::map<std::string, std::string>& columns() const { return columns_; }

  /// Begins to read. kInvalidArgument when the columns are not those of records.
  Status Start();

  /// Moves to the next row; false at the end. An error means that nothing more can be read. What is
  /// wrong with the row alone is put into `row_status`: then `record` is not complete. The record
  /// is not validated.
  Result<bool> Next(Record& record, Status& row_status);
  /// The same, but a row that is wrong, or no valid record, is an error that names it.
  Result<bool> NextValid(Record& record);
  /// The number of the row that Next gave, counting from 0.
  std::int64_t row() const { return row_ - 1; }

 private:
  explicit RowReader(ParquetFile file) : file_(std::move(file)) {}

  Status Connect();
  Status ReadFooter(const std::string& path);
  Status Describe(const std::string& path);
  Result<bool> NextChunk();
  /// `status` with file and row in front.
  Status AtRow(const Status& status) const;
  Status Explain(const Status& status, std::string_view where = "") const;

  ParquetFile file_;  // before what reads from it
  duckdb_c::Connection connection_;
  ColumnPlan plan_;
  duckdb_c::ResultSet result_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, std::string> columns_;
  std::int64_t rows_ = 0;
  std::int64_t row_ = 0;       ///< of the file, the next to be read
  std::size_t chunk_row_ = 0;  ///< the same within the chunk
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_ROW_READER_H_
