// SPDX-License-Identifier: BSD-3-Clause
//
// RowReader: the rows of a Parquet file through DuckDB, one by one, whether they are valid or not.
// ParquetReader stops at the first that is not; a validator wants to see them all.
#ifndef EMBEDDINGSDB_PARQUET_ROW_READER_H_
#define EMBEDDINGSDB_PARQUET_ROW_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "parquet/file_query.h"
#include "parquet/parquet_columns.h"
#include "parquet/parquet_file.h"

namespace embeddingsdb {

/// Holds a bounded part of the file. One thread at a time.
class RowReader {
 public:
  /// Lets DuckDB read footer and schema. kInvalidArgument, naming the file, when it cannot.
  static Result<std::unique_ptr<RowReader>> Open(ParquetFile file);

  const ParquetFile& file() const { return query_->file(); }
  /// What the footer promises.
  std::int64_t rows() const { return query_->rows(); }
  /// Of a key that is there several times the first value.
  const std::map<std::string, std::string>& metadata() const { return query_->metadata(); }
  /// The columns at the top and their types as DuckDB prints them.
  const std::map<std::string, std::string>& columns() const { return query_->columns(); }

  /// Begins to read. kInvalidArgument when the columns are not those of records.
  Status Start();

  /// Moves to the next row; false at the end. An error means that nothing more can be read. What is
  /// wrong with the row alone is put into `row_status`: then `record` is not complete. The record
  /// is not validated.
  Result<bool> Next(Record& record, Status& row_status);
  /// The same, but a row that is wrong, or no valid record, is an error that names it.
  Result<bool> NextValid(Record& record);
  /// The number of the row that Next gave, counting from 0.
  std::int64_t row() const { return query_->row(); }

 private:
  explicit RowReader(std::unique_ptr<FileQuery> query) : query_(std::move(query)) {}

  std::unique_ptr<FileQuery> query_;
  ColumnPlan plan_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_ROW_READER_H_
