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
  Reader(std::unique_ptr<RowReader> reader, const ParquetRows& rows)
      : reader_(std::move(reader)), rows_(rows) {}

  Result<bool> Next(Record& record) override {
    EDB_TRY(state_);
    if (at_end_) {
      return false;
    }
    Result<bool> more = Advance(record);
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
  Result<bool> Advance(Record& record) {
    for (; next_ < rows_.first; ++next_) {
      Status ignored;
      EDB_ASSIGN(const bool more, reader_->Next(record, ignored));
      if (!more) {
        return false;
      }
    }
    return next_++ <= rows_.last ? reader_->NextValid(record) : Result<bool>(false);
  }

  std::unique_ptr<RowReader> reader_;
  const ParquetRows rows_;
  std::int64_t next_ = 0;  ///< row that the reader gives next
  bool at_end_ = false;
  Status state_;  ///< the error that ended the walk
};

}  // namespace

Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(const std::string& path,
                                                           const ParquetRows& rows) {
  EDB_ASSIGN(ParquetFile file, ParquetFile::Open(path));
  EDB_ASSIGN(std::unique_ptr<RowReader> reader, RowReader::Open(std::move(file)));
  EDB_TRY(reader->Start());
  return std::unique_ptr<ParquetReader>(std::make_unique<Reader>(std::move(reader), rows));
}

}  // namespace embeddingsdb
