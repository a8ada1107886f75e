// SPDX-License-Identifier: BSD-3-Clause
//
// Parquet files for tests: written and read whole, and looked at through DuckDB's SQL.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_PARQUET_FILES_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_PARQUET_FILES_H_

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/parquet.h"

#include "duckdb_c/handle.h"
#include "support/records.h"

namespace embeddingsdb {

inline Status WriteParquet(const std::string& path, const std::vector<Record>& records,
                           ParquetWriteOptions options = {}) {
  EDB_ASSIGN(const std::unique_ptr<ParquetWriter> writer,
             ParquetWriter::Create(path, std::move(options)));
  for (const Record& record : records) {
    EDB_TRY(writer->Write(record));
  }
  return writer->Finish();
}

inline Result<std::vector<Record>> ReadParquet(const std::string& path) {
  EDB_ASSIGN(const std::unique_ptr<ParquetReader> reader, ParquetReader::Open(path));
  return Drain(*reader);
}

inline std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// An independent DuckDB that may read and write files.
class Sql {
 public:
  Sql()
      : database_(*duckdb_c::Database::Open("", {.external_access = true, .threads = 1})),
        connection_(*database_.Connect()) {}

  Status Execute(const std::string& sql) { return connection_.Execute(sql); }

  /// The first column of all rows, which must be VARCHAR.
  std::vector<std::string> Texts(const std::string& sql) {
    std::vector<std::string> texts;
    Result<duckdb_c::ResultSet> result = connection_.Query(sql);
    if (!result.ok()) {
      return {result.status().ToString()};
    }
    for (Result<bool> more = result->Next(); more.ok() && *more; more = result->Next()) {
      for (std::size_t i = 0; i < result->chunk().rows(); ++i) {
        texts.emplace_back(result->chunk().column(0).Text(i));
      }
    }
    return texts;
  }

 private:
  duckdb_c::Database database_;
  duckdb_c::Connection connection_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_PARQUET_FILES_H_
