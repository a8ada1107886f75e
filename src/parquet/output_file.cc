// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/output_file.h"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "core/text.h"

namespace embeddingsdb {

namespace {

Status WriteError(const std::string& name, int error) {
  std::string message = Concat("write ", name, ": ", std::generic_category().message(error));
  if (error == ENOSPC || error == EDQUOT) {
    return ResourceExhaustedError(std::move(message));
  }
  if (error == EPIPE) {
    return CancelledError(std::move(message));
  }
  return InternalError(std::move(message));
}

/// Bytes that cannot be taken back, so "atomic" only in name: Commit reports what Append could not.
class StreamFile : public AtomicFile {
 public:
  enum class Owned : bool { kNo, kYes };

  StreamFile(int fd, Owned owned, std::string name)
      : fd_(fd), owned_(owned), name_(std::move(name)) {}
  StreamFile(const StreamFile&) = delete;
  StreamFile& operator=(const StreamFile&) = delete;
  ~StreamFile() override {
    if (owned_ == Owned::kYes && fd_ >= 0) {
      ::close(fd_);
    }
  }

  Status Append(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = ::write(fd_, data.data(), data.size());
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written < 0) {
        return WriteError(name_, errno);
      }
      data.remove_prefix(static_cast<std::size_t>(written));
    }
    return Status();
  }

  Status Commit() override {
    // Standard output may be a redirected file; pipes and terminals cannot be synced.
    if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP) {
      return WriteError(name_, errno);
    }
    return Status();
  }

 private:
  int fd_;
  Owned owned_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<AtomicFile>> CreateOutputFile(const std::string& path, Env& env) {
  using Owned = StreamFile::Owned;
  if (path.empty()) {
    return InvalidArgumentError("the output path is empty");
  }
  if (path == "-") {
    return std::unique_ptr<AtomicFile>(
        std::make_unique<StreamFile>(STDOUT_FILENO, Owned::kNo, "standard output"));
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode)) {
    return env.CreateAtomic(path);
  }
  if (S_ISDIR(info.st_mode)) {
    return InvalidArgumentError(Concat("cannot write ", QuoteWhole(path), ": it is a directory"));
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return WriteError(QuoteWhole(path), errno);
  }
  return std::unique_ptr<AtomicFile>(
      std::make_unique<StreamFile>(fd, Owned::kYes, QuoteWhole(path)));
}

}  // namespace embeddingsdb
