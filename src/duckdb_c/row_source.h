// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_DUCKDB_C_ROW_SOURCE_H_
#define EMBEDDINGSDB_DUCKDB_C_ROW_SOURCE_H_

#include <atomic>
#include <cstddef>
#include <duckdb.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

#include "duckdb_c/handle.h"

namespace embeddingsdb::duckdb_c {

/// A table function whose rows we make: `INSERT INTO ... SELECT * FROM name()` does what an
/// Appender does, but on all of DuckDB's threads; only the rows of a chunk keep their order.
///
/// One for each name and instance of DuckDB; one statement at a time, none after its end.
class RowSource {
 public:
  /// Fills an empty chunk with `count` rows from row `first` on. Called by several threads at once.
  using Fill = std::function<Status(duckdb_data_chunk, std::size_t first, std::size_t count)>;
  /// A column's name and type.
  using Columns = std::vector<std::pair<std::string, LogicalType>>;

  static Result<std::unique_ptr<RowSource>> Register(const Connection& connection,
                                                     const std::string& name, Columns columns);

  /// Runs `insert`, a statement that selects from the source, over `rows` rows that `fill` makes.
  /// kInternal when DuckDB has not taken as many.
  Status Insert(const Connection& connection, const std::string& insert, std::size_t rows,
                Fill fill);

 private:
  explicit RowSource(Columns columns) : columns_(std::move(columns)) {}

  static void Bind(duckdb_bind_info info);
  static void Init(duckdb_init_info info);
  static void Next(duckdb_function_info info, duckdb_data_chunk chunk);

  const Columns columns_;
  Fill fill_;
  std::size_t rows_ = 0;
  // Both order what DuckDB's threads do before and after what the caller does.
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> filled_ = 0;
};

}  // namespace embeddingsdb::duckdb_c

#endif  // EMBEDDINGSDB_DUCKDB_C_ROW_SOURCE_H_
