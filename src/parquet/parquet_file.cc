// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/parquet_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "core/text.h"
#include "parquet/parquet_format.h"
#include "parquet/thrift_compact.h"

namespace embeddingsdb {

namespace {

constexpr std::int64_t kMagicBytes = 4;
constexpr std::int64_t kTailBytes = 8;  // footer length, magic
constexpr std::string_view kEncryptedMagic = "PARE";

Status OpenError(const std::string& name, int error) {
  std::string message = Concat("open ", name, ": ", std::generic_category().message(error));
  if (error == ENOENT || error == ENOTDIR) {
    return NotFoundError(std::move(message));
  }
  if (error == EACCES || error == EPERM) {
    return PermissionDeniedError(std::move(message));
  }
  if (error == EMFILE || error == ENFILE) {
    return ResourceExhaustedError(std::move(message));
  }
  return InvalidArgumentError(std::move(message));
}

Result<std::string> ReadAt(int fd, std::int64_t offset, std::int64_t count,
                           const std::string& name) {
  std::string bytes(static_cast<std::size_t>(count), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data() + done, bytes.size() - done,
                                offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return InternalError(Concat("read ", name, ": ", std::generic_category().message(errno)));
    }
    if (got == 0) {
      return DataLossError(Concat(name, " became shorter while it was read"));
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

struct FooterPlace {
  std::int64_t offset;
  std::int64_t bytes;
};

/// The frame of the file: PAR1, pages, footer, length of the footer, PAR1. DuckDB reserves memory
/// for as many elements as a list claims to have, so those claims are checked here.
Result<FooterPlace> CheckFrame(int fd, std::int64_t size, const std::string& name) {
  if (size == 0) {
    return InvalidArgumentError(Concat(name, " is not a Parquet file: it is empty"));
  }
  if (size < kMagicBytes) {
    return InvalidArgumentError(Concat(name, " is not a Parquet file: it has ", size, " bytes"));
  }
  EDB_ASSIGN(const std::string head, ReadAt(fd, 0, kMagicBytes, name));
  if (head == kEncryptedMagic) {
    return InvalidArgumentError(Concat(name, " is an encrypted Parquet file"));
  }
  if (head != kParquetMagic) {
    return InvalidArgumentError(
        Concat(name, " is not a Parquet file: it does not begin with ", kParquetMagic));
  }
  if (size < kMagicBytes + kTailBytes) {
    return InvalidArgumentError(Concat(name, " is a truncated Parquet file of ", size, " bytes"));
  }
  EDB_ASSIGN(const std::string tail, ReadAt(fd, size - kTailBytes, kTailBytes, name));
  if (std::string_view(tail).substr(4) != kParquetMagic) {
    return InvalidArgumentError(
        Concat(name, " is a truncated Parquet file: it does not end with ", kParquetMagic));
  }
  std::uint32_t footer_bytes = 0;
  std::memcpy(&footer_bytes, tail.data(), sizeof(footer_bytes));
  const std::int64_t room = size - kMagicBytes - kTailBytes;
  if (footer_bytes > room) {
    return InvalidArgumentError(Concat(name, " is a damaged Parquet file: its footer has ",
                                       footer_bytes, " bytes, there is room for ", room));
  }
  const FooterPlace place = {.offset = size - kTailBytes - footer_bytes, .bytes = footer_bytes};
  EDB_ASSIGN(const std::string footer, ReadAt(fd, place.offset, place.bytes, name));
  if (!IsThriftStruct(footer)) {
    return InvalidArgumentError(
        Concat(name, " is a damaged Parquet file: its footer cannot be read"));
  }
  return place;
}

}  // namespace

Result<ParquetFile> ParquetFile::Open(const std::string& path) {
  std::string name = QuoteWhole(path);
  // O_NONBLOCK: opening a pipe without a writer must not wait for one.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return OpenError(name, errno);
  }
  ParquetFile file(fd, std::move(name));
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return OpenError(file.name_, errno);
  }
  if (S_ISDIR(info.st_mode)) {
    return InvalidArgumentError(Concat(file.name_, " is a directory, not a Parquet file"));
  }
  if (!S_ISREG(info.st_mode)) {
    return InvalidArgumentError(
        Concat(file.name_, " is not a regular file; Parquet is read from its end"));
  }
  EDB_ASSIGN(const FooterPlace footer, CheckFrame(fd, info.st_size, file.name_));
  file.footer_offset_ = footer.offset;
  file.footer_bytes_ = footer.bytes;
  return file;
}

ParquetFile& ParquetFile::operator=(ParquetFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(name_, other.name_);
  std::swap(footer_offset_, other.footer_offset_);
  std::swap(footer_bytes_, other.footer_bytes_);
  return *this;
}

ParquetFile::~ParquetFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<std::string> ParquetFile::Read(std::int64_t offset, std::int64_t count) const {
  return ReadAt(fd_, offset, count, name_);
}

Result<std::string> ParquetFile::ReadFooter() const {
  return ReadAt(fd_, footer_offset_, footer_bytes_, name_);
}

std::string ParquetFile::handle_path() const {
  return Concat("/proc/self/fd/", fd_);
}

}  // namespace embeddingsdb
