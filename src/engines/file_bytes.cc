// SPDX-License-Identifier: BSD-3-Clause
#include "engines/file_bytes.h"

#include <filesystem>
#include <system_error>

namespace embeddingsdb {

std::int64_t FileBytes(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

std::int64_t FolderBytes(const std::string& path) {
  std::int64_t bytes = 0;
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    bytes += FileBytes(entry->path().string());
  }
  return bytes;
}

}  // namespace embeddingsdb
