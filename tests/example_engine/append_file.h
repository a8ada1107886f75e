// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_APPEND_FILE_H_
#define EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_APPEND_FILE_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A file that only grows, by whole pieces. Not safe for concurrent use.
class AppendFile {
 public:
  /// Opens a file that is there and takes off what is behind its first `size` bytes. With `sync` a
  /// piece survives power loss, without it the death of the process.
  static Result<std::unique_ptr<AppendFile>> Open(const std::string& path, std::size_t size,
                                                  bool sync);
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  ~AppendFile();

  /// Appends all of it or nothing. kResourceExhausted when the disk is full; after any other
  /// error, and for all calls after that, kFailedPrecondition: open the file again.
  Status Append(std::string_view piece);
  Status Sync();

 private:
  AppendFile(std::string path, int handle, std::size_t size, bool sync)
      : path_(std::move(path)), handle_(handle), size_(size), sync_(sync) {}
  Status Failure(std::string_view what);

  const std::string path_;
  const int handle_;
  std::size_t size_;
  const bool sync_;
  bool broken_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_APPEND_FILE_H_
