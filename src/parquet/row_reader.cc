// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/row_reader.h"

namespace embeddingsdb {

Result<std::unique_ptr<RowReader>> RowReader::Open(ParquetFile file) {
  EDB_ASSIGN(std::unique_ptr<FileQuery> query, FileQuery::Open(std::move(file)));
  return std::unique_ptr<RowReader>(new RowReader(std::move(query)));
}

Status RowReader::Start() {
  Result<ColumnPlan> plan = ColumnPlan::Make(columns());
  if (!plan.ok()) {
    return plan.status().WithContext(file().name());
  }
  plan_ = *std::move(plan);
  return query_->Start(plan_.select_list());
}

Result<bool> RowReader::Next(Record& record, Status& row_status) {
  EDB_ASSIGN(const bool more, query_->Next());
  if (more) {
    row_status = plan_.ReadRow(query_->chunk(), query_->chunk_row(), record);
  }
  return more;
}

Result<bool> RowReader::NextValid(Record& record) {
  Status row;
  EDB_ASSIGN(const bool more, Next(record, row));
  if (!more) {
    return false;
  }
  if (row.ok()) {
    row = Validate(record);
  }
  if (!row.ok()) {
    return query_->AtRow(row);
  }
  return true;
}

}  // namespace embeddingsdb
