// SPDX-License-Identifier: BSD-3-Clause
//
// A local Parquet file, opened and looked at before any library parses it.
#ifndef EMBEDDINGSDB_PARQUET_PARQUET_FILE_H_
#define EMBEDDINGSDB_PARQUET_PARQUET_FILE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

class ParquetFile {
 public:
  /// Opens the file and checks its frame: a regular file, the magic at both ends, a footer that
  /// lies inside the file and whose sizes do not lie. kNotFound, kPermissionDenied,
  /// kInvalidArgument; each message is one sentence with the path.
  static Result<ParquetFile> Open(const std::string& path);

  ParquetFile(const ParquetFile&) = delete;
  ParquetFile& operator=(const ParquetFile&) = delete;
  ParquetFile(ParquetFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        name_(std::move(other.name_)),
        footer_offset_(other.footer_offset_),
        footer_bytes_(other.footer_bytes_) {}
  ParquetFile& operator=(ParquetFile&& other) noexcept;
  ~ParquetFile();

  /// A path to this open file, free of quotes and glob characters whatever the file is called, and
  /// the same file even if somebody replaces it. Valid as long as this object.
  std::string handle_path() const;
  /// Where the footer begins, which is where the pages end.
  std::int64_t footer_offset() const { return footer_offset_; }
  /// The footer without its length and the magic after it: one struct of Thrift.
  Result<std::string> ReadFooter() const;
  /// `count` bytes from `offset` on. kDataLoss when the file has become shorter.
  Result<std::string> Read(std::int64_t offset, std::int64_t count) const;
  /// The path as given, quoted for messages.
  const std::string& name() const { return name_; }

 private:
  ParquetFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  int fd_ = -1;
  std::string name_;
  std::int64_t footer_offset_ = 0;
  std::int64_t footer_bytes_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_PARQUET_FILE_H_
