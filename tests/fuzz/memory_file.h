// SPDX-License-Identifier: BSD-3-Clause
//
// MemoryFile: bytes as a file that has a path but is on no disk.
#ifndef EMBEDDINGSDB_TESTS_FUZZ_MEMORY_FILE_H_
#define EMBEDDINGSDB_TESTS_FUZZ_MEMORY_FILE_H_

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace embeddingsdb::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written <= 0) {
        std::abort();  // no memory: nothing can be tried any more
      }
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }

  /// Valid as long as this object.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace embeddingsdb::fuzz

#endif  // EMBEDDINGSDB_TESTS_FUZZ_MEMORY_FILE_H_
