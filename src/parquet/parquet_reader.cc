// SPDX-License-Identifier: BSD-3-Clause
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "embeddingsdb/parquet.h"

#include "parquet/parquet_file.h"
#include "parquet/row_reader.h"

namespace embeddingsdb {

namespace {

class Reader : public ParquetReader {
 public:
  explicit Reader(std::unique_ptr<RowReader> rows) : reader_(std::move(rows)) {}

  Result<bool> Next(Record& record) override {
    EDB_TRY(state_);
    if (at_end_) {
      return false;
    }
    Result<bool> more = reader_->NextValid(record);
    if (!more.ok()) {
      state_ = more.status();
      return state_;
    }
    at_end_ = !*more;
    return more;
  }

  std::int64_t rows() const override { return reader_->rows(); }
  const std::map<std::string, std::string>& metadata() const override {
    return reader_->metadata();
  }

 private:
  std::unique_ptr<RowReader> reader_;
  bool at_end_ = false;
  Status state_;  ///< the error that ended the walk
};

}  // namespace

Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(const std::string& path) {
  EDB_ASSIGN(ParquetFile file, ParquetFile::Open(path));
  EDB_ASSIGN(std::unique_ptr<RowReader> rows, RowReader::Open(std::move(file)));
  EDB_TRY(rows->Start());
  return std::unique_ptr<ParquetReader>(std::make_unique<Reader>(std::move(rows)));
}

}  // namespace embeddingsdb
