// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/table_writer.h"

#include <utility>

namespace embeddingsdb {
namespace {

constexpr std::size_t kSliceBytes = 256 * 1024;

}  // namespace

TableWriter::TableWriter(std::unique_ptr<AtomicFile> file, const FileSchema& schema,
                         std::int64_t row_group_bytes)
    : file_(std::move(file)), schema_(schema), row_group_bytes_(row_group_bytes) {
  for (const LeafColumn& column : schema_.columns) {
    columns_.emplace_back(column, zstd_);
  }
}

Status TableWriter::EndRow(std::int64_t bytes) {
  EDB_TRY(Begin());
  for (ColumnWriter& column : columns_) {
    EDB_TRY(column.EndRow());
  }
  ++rows_;
  ++group_rows_;
  group_bytes_ += bytes;
  return group_bytes_ < row_group_bytes_ ? Status() : WriteRowGroup();
}

Status TableWriter::Finish(const std::map<std::string, std::string>& metadata) {
  EDB_TRY(Begin());
  if (group_rows_ > 0) {
    EDB_TRY(WriteRowGroup());
  }
  EDB_TRY(Emit(EncodeFooter(schema_, row_groups_, metadata)));
  return file_->Commit();
}

Status TableWriter::Begin() {
  return offset_ == 0 ? Emit(kParquetMagic) : Status();
}

Status TableWriter::WriteRowGroup() {
  RowGroupInfo group;
  group.rows = group_rows_;
  for (ColumnWriter& column : columns_) {
    EDB_ASSIGN(ChunkInfo chunk, column.FinishChunk(offset_));
    group.chunks.push_back(std::move(chunk));
    EDB_TRY(Emit(column.dictionary_page()));
    EDB_TRY(Emit(column.data_pages()));
    column.StartChunk();
  }
  row_groups_.push_back(std::move(group));
  group_rows_ = 0;
  group_bytes_ = 0;
  return Status();
}

/// In slices, because the file copies what it is given into a buffer.
Status TableWriter::Emit(std::string_view data) {
  while (!data.empty()) {
    const std::string_view slice = data.substr(0, kSliceBytes);
    EDB_TRY(file_->Append(slice));
    offset_ += static_cast<std::int64_t>(slice.size());
    data.remove_prefix(slice.size());
  }
  return Status();
}

}  // namespace embeddingsdb
