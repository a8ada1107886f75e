// SPDX-License-Identifier: BSD-3-Clause
//
// How a file's columns become records: which of ours it has, in which of the types people write.
#ifndef EMBEDDINGSDB_PARQUET_PARQUET_COLUMNS_H_
#define EMBEDDINGSDB_PARQUET_PARQUET_COLUMNS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "duckdb_c/handle.h"

namespace embeddingsdb {

/// The columns of a record at the top of a file, in the order in which they are written.
inline constexpr std::array<std::string_view, 7> kRecordColumns = {
    "provider", "depiction_id", "subject_id", "model", "embeddings", "created", "attributes"};

/// Why records cannot be read from a file.
struct ColumnProblem {
  bool missing = false;  ///< the column is not there; else it has a type that is none of ours
  std::string sentence;
};

/// What is wrong with a file's columns, of which `columns` are the names and the types as DuckDB
/// prints them. Empty when they can be read.
std::vector<ColumnProblem> ColumnProblems(const std::map<std::string, std::string>& columns);

class ColumnPlan {
 public:
  /// kInvalidArgument with the first of ColumnProblems.
  static Result<ColumnPlan> Make(const std::map<std::string, std::string>& columns);

  /// The select list, in the order that ReadRow expects.
  const std::string& select_list() const { return select_list_; }

  /// Fills `record` from one row. The message of an error does not name the row.
  Status ReadRow(const duckdb_c::Chunk& chunk, std::size_t row, Record& record) const;

 private:
  enum class Element : std::uint8_t { kFloat, kDouble };
  enum class AttributesAs : std::uint8_t { kAbsent, kMap, kJson };

  Status ReadEmbedding(const duckdb_c::Column& lists, std::size_t row, Record& record) const;
  Status ReadAttributes(const duckdb_c::Column& column, std::size_t row, Record& record) const;

  std::string select_list_;
  Element element_ = Element::kFloat;
  AttributesAs attributes_as_ = AttributesAs::kAbsent;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_PARQUET_COLUMNS_H_
