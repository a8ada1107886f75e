// SPDX-License-Identifier: BSD-3-Clause
#include "example_engine/append_file.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "core/text.h"

namespace embeddingsdb {

Result<std::unique_ptr<AppendFile>> AppendFile::Open(const std::string& path, std::size_t size,
                                                     bool sync) {
  const int handle = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (handle < 0) {
    return PermissionDeniedError(
        Concat("cannot write ", Quote(path), ": ", std::generic_category().message(errno)));
  }
  std::unique_ptr<AppendFile> file(new AppendFile(path, handle, size, sync));
  if (::ftruncate(handle, static_cast<off_t>(size)) != 0) {
    return file->Failure("cut");
  }
  return file;
}

AppendFile::~AppendFile() {
  (void)::close(handle_);  // what had to be on the disk is there
}

Status AppendFile::Failure(std::string_view what) {
  broken_ = true;
  return FailedPreconditionError(Concat("cannot ", what, " ", Quote(path_), ": ",
                                        std::generic_category().message(errno),
                                        "; open the database again"));
}

Status AppendFile::Append(std::string_view piece) {
  if (broken_) {
    return FailedPreconditionError(Concat(Quote(path_), " failed; open the database again"));
  }
  for (std::string_view rest = piece; !rest.empty();) {
    const ssize_t written = ::write(handle_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      const bool full = errno == ENOSPC || errno == EDQUOT;
      if (!full || ::ftruncate(handle_, static_cast<off_t>(size_)) != 0) {
        return Failure("write");
      }
      return ResourceExhaustedError(Concat("no space left for ", Quote(path_)));
    }
  }
  size_ += piece.size();
  return sync_ ? Sync() : Status();
}

Status AppendFile::Sync() {
  // Whether a second sync would tell the truth after a failed one is anybody's guess.
  return ::fdatasync(handle_) == 0 ? Status() : Failure("sync");
}

}  // namespace embeddingsdb
