// SPDX-License-Identifier: BSD-3-Clause
//
// Parquet files of texts: required STRING columns and nothing else. Signatures and manifests are
// such files (docs/formats.md).
#ifndef EMBEDDINGSDB_PARQUET_STRING_TABLE_H_
#define EMBEDDINGSDB_PARQUET_STRING_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "parquet/parquet_format.h"
#include "parquet/table_writer.h"

namespace embeddingsdb {

class FileQuery;

/// Writes one file into an AtomicFile, which Finish commits. One thread at a time.
class StringTableWriter {
 public:
  /// All columns of `schema` are flat texts.
  StringTableWriter(std::unique_ptr<AtomicFile> file, const FileSchema& schema);

  /// A row: one valid UTF-8 text a column, in their order.
  Status Write(std::span<const std::string_view> row);
  /// Writes the footer, syncs and renames. After an error the file must be thrown away.
  Status Finish(const std::map<std::string, std::string>& metadata) {
    return table_.Finish(metadata);
  }
  std::int64_t rows() const { return table_.rows(); }

 private:
  TableWriter table_;
};

/// Streams the rows of such a file, by whomever written. One thread at a time.
class StringTableReader {
 public:
  /// The columns of `schema`, found by name; other columns are ignored. Errors are those of
  /// ParquetFile::Open and kInvalidArgument, naming file and column, when one is missing or holds
  /// something other than texts.
  static Result<std::unique_ptr<StringTableReader>> Open(const std::string& path,
                                                         const FileSchema& schema);

  StringTableReader(const StringTableReader&) = delete;
  StringTableReader& operator=(const StringTableReader&) = delete;
  ~StringTableReader();

  /// Fills `row` with a text a column, valid until the next call; false at the end. NULL is
  /// kInvalidArgument.
  Result<bool> Next(std::span<std::string_view> row);

  /// What the footer promises.
  std::int64_t rows() const;
  const std::map<std::string, std::string>& metadata() const;
  /// `status` with the file and the row that Next gave in front.
  Status AtRow(const Status& status) const;
  /// The path, quoted for messages.
  const std::string& name() const;

 private:
  StringTableReader(std::unique_ptr<FileQuery> query, const FileSchema& schema);

  std::unique_ptr<FileQuery> query_;
  FileSchema schema_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_STRING_TABLE_H_
