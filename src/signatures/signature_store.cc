// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/signature_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <stdlib.h>  // mkostemp is not in <cstdlib>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "core/text.h"
#include "signatures/signature_file.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kBufferBytes = 1024 * 1024;
/// Room that is made at once on a footer's word.
constexpr std::int64_t kMaxReserve = 4'000'000;

Status FileError(std::string_view what) {
  const int error = errno;
  std::string message =
      Concat("cannot ", what, " a temporary file: ", std::generic_category().message(error));
  return error == ENOSPC || error == EDQUOT ? ResourceExhaustedError(std::move(message))
                                            : InternalError(std::move(message));
}

}  // namespace

SignatureStore::~SignatureStore() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<SignatureStore> SignatureStore::Load(std::span<const std::string> paths) {
  SignatureStore store;
  EDB_TRY(store.OpenFile());
  for (const std::string& path : paths) {
    EDB_TRY(store.LoadFile(path));
  }
  EDB_TRY(store.Flush());
  store.buffer_ = std::string();
  std::ranges::sort(store.entries_, {},
                    [](const Entry& entry) { return std::pair(entry.hash, entry.offset); });
  return store;
}

Status SignatureStore::OpenFile() {
  std::error_code error;
  std::string path = (std::filesystem::temp_directory_path(error) / "embeddingsdb-XXXXXX").string();
  if (error) {
    return InvalidArgumentError(Concat("TMPDIR is not usable: ", error.message()));
  }
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) {
    return FileError("make");
  }
  ::unlink(path.c_str());  // so that nothing stays behind, whatever happens
  return Status();
}

Status SignatureStore::LoadFile(const std::string& path) {
  EDB_ASSIGN(SignatureReader reader, SignatureReader::Open(path));
  entries_.reserve(entries_.size() + static_cast<std::size_t>(
                                         std::clamp<std::int64_t>(reader.rows(), 0, kMaxReserve)));
  Signature signature;
  while (true) {
    EDB_ASSIGN(const bool more, reader.Next(signature));
    if (!more) {
      return Status();
    }
    const std::string& text = signature.record_signature;
    entries_.push_back({.hash = DigestFromHex(signature.record_hash).value_or(Digest()),
                        .offset = size_,
                        .size = static_cast<std::uint32_t>(text.size())});
    size_ += text.size();
    buffer_ += text;
    if (buffer_.size() >= kBufferBytes) {
      EDB_TRY(Flush());
    }
  }
}

Status SignatureStore::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) {
      return FileError("write");
    }
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  buffer_.clear();
  return Status();
}

std::pair<std::size_t, std::size_t> SignatureStore::Find(const Digest& record_hash) const {
  const auto found = std::ranges::equal_range(entries_, record_hash, {}, &Entry::hash);
  const auto first = static_cast<std::size_t>(found.begin() - entries_.begin());
  return {first, first + found.size()};
}

Result<std::string> SignatureStore::Read(std::size_t number) const {
  const Entry& entry = entries_[number];
  std::string text(entry.size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::pread(fd_, text.data() + done, text.size() - done,
                                  static_cast<off_t>(entry.offset + done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return FileError("read");
    }
    done += static_cast<std::size_t>(count);
  }
  return text;
}

}  // namespace embeddingsdb
