// SPDX-License-Identifier: BSD-3-Clause
//
// TempDir: a fresh directory for one test, removed with all that is in it.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_TEMP_DIR_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_TEMP_DIR_H_

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace embeddingsdb {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "edb-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      std::abort();  // no test can go on without
    }
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path() const { return path_; }
  /// The path of a file of this name in the directory.
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_TEMP_DIR_H_
