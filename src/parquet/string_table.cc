// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/string_table.h"

#include <cstddef>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "parquet/file_query.h"

namespace embeddingsdb {

StringTableWriter::StringTableWriter(std::unique_ptr<AtomicFile> file, const FileSchema& schema)
    : table_(std::move(file), schema, kRowGroupBytes) {}

Status StringTableWriter::Write(std::span<const std::string_view> row) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    table_.column(i).AddString(row[i]);
    bytes += row[i].size();
  }
  return table_.EndRow(static_cast<std::int64_t>(bytes));
}

Result<std::unique_ptr<StringTableReader>> StringTableReader::Open(const std::string& path,
                                                                   const FileSchema& schema) {
  EDB_ASSIGN(ParquetFile file, ParquetFile::Open(path));
  EDB_ASSIGN(std::unique_ptr<FileQuery> query, FileQuery::Open(std::move(file)));
  std::string select_list;
  for (const LeafColumn& column : schema.columns) {
    const std::string name(column.path[0]);
    const auto found = query->columns().find(name);
    if (found == query->columns().end()) {
      return InvalidArgumentError(Concat(query->file().name(), " has no column ", Quote(name)));
    }
    if (found->second != "VARCHAR") {
      return InvalidArgumentError(Concat(query->file().name(), ": column ", Quote(name), " is ",
                                         Quote(found->second), ", not text"));
    }
    select_list += Concat(select_list.empty() ? "\"" : ", \"", name, "\"");
  }
  EDB_TRY(query->Start(select_list));
  return std::unique_ptr<StringTableReader>(new StringTableReader(std::move(query), schema));
}

StringTableReader::StringTableReader(std::unique_ptr<FileQuery> query, const FileSchema& schema)
    : query_(std::move(query)), schema_(schema) {}

StringTableReader::~StringTableReader() = default;

std::int64_t StringTableReader::rows() const {
  return query_->rows();
}

const std::map<std::string, std::string>& StringTableReader::metadata() const {
  return query_->metadata();
}

Status StringTableReader::AtRow(const Status& status) const {
  return query_->AtRow(status);
}

const std::string& StringTableReader::name() const {
  return query_->file().name();
}

Result<bool> StringTableReader::Next(std::span<std::string_view> row) {
  EDB_ASSIGN(const bool more, query_->Next());
  if (!more) {
    return false;
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    const duckdb_c::Column column = query_->chunk().column(i);
    if (column.IsNull(query_->chunk_row())) {
      return query_->AtRow(InvalidArgumentError(
          Concat("column ", Quote(schema_.columns[i].path[0]), " must not be NULL")));
    }
    row[i] = column.Text(query_->chunk_row());
  }
  return true;
}

}  // namespace embeddingsdb
