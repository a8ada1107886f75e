// SPDX-License-Identifier: BSD-3-Clause
//
// FileQuery: one Parquet file, opened in a DuckDB that can reach nothing else, and the rows of a
// query over it.
#ifndef EMBEDDINGSDB_PARQUET_FILE_QUERY_H_
#define EMBEDDINGSDB_PARQUET_FILE_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/status.h"

#include "duckdb_c/handle.h"
#include "parquet/parquet_file.h"

namespace embeddingsdb {

/// Holds a bounded part of the file. One thread at a time.
class FileQuery {
 public:
  /// Lets DuckDB read footer and schema. kInvalidArgument, naming the file, when it cannot.
  static Result<std::unique_ptr<FileQuery>> Open(ParquetFile file);

  const ParquetFile& file() const { return file_; }
  /// What the footer promises.
  std::int64_t rows() const { return rows_; }
  /// Of a key that is there several times the first value.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// The columns at the top and their types as DuckDB prints them.
  const std::map<std::string, std::string>& columns() const { return columns_; }

  /// Begins to read. `select_list` is ours, never a caller's text.
  Status Start(std::string_view select_list);
  /// Moves to the next row; false at the end, which is where the footer says it is. An error means
  /// that nothing more can be read.
  Result<bool> Next();

  /// Where the row lies that Next moved to, and its number, counting from 0.
  const duckdb_c::Chunk& chunk() const { return result_.chunk(); }
  std::size_t chunk_row() const { return chunk_row_ - 1; }
  std::int64_t row() const { return row_ - 1; }
  /// `status` with file and row in front.
  Status AtRow(const Status& status) const;

 private:
  explicit FileQuery(ParquetFile file) : file_(std::move(file)) {}

  Status Connect();
  Status ReadFooter();
  Status Describe(const std::string& path);
  Result<bool> NextChunk();
  Status Explain(const Status& status, std::string_view where = "") const;

  ParquetFile file_;  // before what reads from it
  duckdb_c::Connection connection_;
  duckdb_c::ResultSet result_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, std::string> columns_;
  std::int64_t rows_ = 0;
  std::int64_t row_ = 0;       ///< of the file, the next to be read
  std::size_t chunk_row_ = 0;  ///< the same within the chunk
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_FILE_QUERY_H_
