// SPDX-License-Identifier: BSD-3-Clause
//
// TableWriter: the pages, row groups and footer of a Parquet file, whatever its columns are.
#ifndef EMBEDDINGSDB_PARQUET_TABLE_WRITER_H_
#define EMBEDDINGSDB_PARQUET_TABLE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "parquet/column_writer.h"
#include "parquet/parquet_format.h"
#include "parquet/zstd_compressor.h"

namespace embeddingsdb {

/// Writes one file into an AtomicFile, which Finish commits. After an error the file must be thrown
/// away. One thread at a time.
class TableWriter {
 public:
  /// A row group ends when its rows have `row_group_bytes`.
  TableWriter(std::unique_ptr<AtomicFile> file, const FileSchema& schema,
              std::int64_t row_group_bytes);
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;
  ~TableWriter() = default;

  /// Takes what a row has in the column with this number.
  ColumnWriter& column(std::size_t number) { return columns_[number]; }
  /// Every column has been given its part of a row, which has about so many bytes.
  Status EndRow(std::int64_t bytes);
  /// Writes what is left and the footer, syncs and renames.
  Status Finish(const std::map<std::string, std::string>& metadata);

  std::int64_t rows() const { return rows_; }

 private:
  Status Begin();
  Status WriteRowGroup();
  Status Emit(std::string_view data);

  std::unique_ptr<AtomicFile> file_;
  FileSchema schema_;
  std::int64_t row_group_bytes_;
  ZstdCompressor zstd_;
  std::vector<ColumnWriter> columns_;
  std::vector<RowGroupInfo> row_groups_;
  std::int64_t offset_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t group_rows_ = 0;
  std::int64_t group_bytes_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_TABLE_WRITER_H_
