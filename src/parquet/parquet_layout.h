// SPDX-License-Identifier: BSD-3-Clause
//
// What a Parquet file's footer says of the file: how many rows, which columns, where they lie, and
// whether that can be.
#ifndef EMBEDDINGSDB_PARQUET_PARQUET_LAYOUT_H_
#define EMBEDDINGSDB_PARQUET_PARQUET_LAYOUT_H_

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

#include "parquet/parquet_file.h"
#include "parquet/thrift_compact.h"

namespace embeddingsdb {

/// A column that holds values, over all row groups.
struct LayoutColumn {
  std::string path;        ///< "embeddings.list.element"
  std::string type;        ///< "BYTE_ARRAY (STRING)"
  std::string repetition;  ///< "REQUIRED"
  bool flat = true;        ///< has one value a row: neither it nor what it lies in repeats
  std::int64_t values = 0;
  std::int64_t compressed_bytes = 0;
  std::int64_t uncompressed_bytes = 0;
  std::set<std::string> encodings;
  std::set<std::string> codecs;
};

struct ParquetLayout {
  std::int64_t version = 0;
  std::int64_t rows = 0;
  std::string created_by;
  std::vector<LayoutColumn> columns;
  std::vector<std::int64_t> row_groups;                       ///< rows of each
  std::vector<std::pair<std::string, std::string>> metadata;  ///< as they stand in the file
  /// What cannot be, in sentences: counts that disagree, columns outside of the file. A reader that
  /// believes such a footer may fail in its own way. At most kMaxFileProblems of them.
  std::vector<std::string> problems;
  std::int64_t more_problems = 0;
};

/// Takes the text of a file's footer apart; what it gives borrows the text. kInvalidArgument or
/// kResourceExhausted, naming the file.
Result<ThriftValue> ParseFooter(const ParquetFile& file, std::string_view footer);

/// Reads a footer, which was parsed from bytes that may lie. `pages_end` is where it begins in the
/// file. Never fails: what is not there is empty, and a problem where the format demands it.
ParquetLayout ReadLayout(const ThriftValue& footer, std::int64_t pages_end);

/// The same from a file, of which nothing but the footer is read. Errors: those of
/// ParquetFile::Open; kResourceExhausted for more than kMaxFooterValues values.
Result<ParquetLayout> ReadParquetLayout(const std::string& path);
/// The footer of a file as JSON (FooterToJson). Errors: those, and those of FooterToJson.
Result<std::string> ReadFooterJson(const std::string& path);

/// The layout of a file that is open.
Result<ParquetLayout> ReadLayout(const ParquetFile& file);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_PARQUET_LAYOUT_H_
