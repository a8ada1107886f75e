// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "core/lock_holder.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr mode_t kFileMode = 0644;  // less the umask, like that of any program
constexpr mode_t kDirectoryMode = 0755;
constexpr std::size_t kWriteBytes = 64 * 1024;  // small appends are gathered up to this

StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return StatusCode::kResourceExhausted;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
      return StatusCode::kInvalidArgument;
    case EEXIST:
      return StatusCode::kAlreadyExists;
    case EBUSY:
    case ENOTEMPTY:
    case EXDEV:
    case ETXTBSY:
      return StatusCode::kFailedPrecondition;
    case EIO:
      return StatusCode::kDataLoss;
    default:
      return StatusCode::kInternal;
  }
}

/// `what` is the verb: "cannot open "/a/b": No such file or directory".
Status SystemError(std::string_view what, const std::string& path, int error) {
  return {CodeOf(error), Concat("cannot ", what, " ", QuoteWhole(path), ": ",
                                std::generic_category().message(error))};
}

/// Repeats a system call that a signal interrupted.
template <typename Call>
auto Retry(const Call& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) {
    result = call();
  }
  return result;
}

/// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }

  int get() const { return fd_; }
  /// 0 or errno. close() is not repeated after EINTR: Linux has closed the descriptor by then.
  int Close() {
    if (fd_ < 0) {
      return 0;
    }
    const int result = ::close(std::exchange(fd_, -1));
    return result == 0 || errno == EINTR ? 0 : errno;
  }

 private:
  int fd_;
};

Result<Fd> Open(const std::string& path, int flags) {
  Fd fd(Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }));
  if (fd.get() < 0) {
    return SystemError("open", path, errno);
  }
  return fd;
}

Status WriteAll(const Fd& fd, const std::string& path, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = Retry([&] { return ::write(fd.get(), data.data(), data.size()); });
    if (written < 0) {
      return SystemError("write", path, errno);
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status Sync(const Fd& fd, const std::string& path) {
  if (Retry([&] { return ::fsync(fd.get()); }) == 0) {
    return {};
  }
  return SystemError("sync", path, errno);
}

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Makes a rename or a new name in the directory survive power loss.
Status SyncDirectory(const std::string& path) {
  EDB_ASSIGN(const Fd fd, Open(path, O_RDONLY | O_DIRECTORY));
  return Sync(fd, path);
}

/// The path by which an open file can be reached that has no name.
std::string PathOf(const Fd& fd) {
  return Concat("/proc/self/fd/", fd.get());
}

/// A file in `directory` without a name. An error where the file system or /proc is not up to it.
Result<Fd> OpenUnnamed(const std::string& directory) {
  EDB_ASSIGN(Fd fd, Open(directory, O_WRONLY | O_TMPFILE));
  if (::access(PathOf(fd).c_str(), F_OK) != 0) {
    return SystemError("find", PathOf(fd), errno);
  }
  return fd;
}

/// Takes the lock of an open file, if nobody has it. 0 or errno. It belongs to the open file, so
/// two handles of one process exclude each other as well.
int TryLock(const Fd& fd) {
  return Retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) == 0 ? 0 : errno;
}

bool HasName(const Fd& fd) {
  struct stat info{};
  return ::fstat(fd.get(), &info) == 0 && info.st_nlink > 0;
}

/// What the temporary names of `target` begin with.
std::string TemporaryPrefix(const std::string& target) {
  const std::size_t slash = target.find_last_of('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  return Concat(target.substr(0, name), ".", target.substr(name), ".tmp-");
}

/// Removes what processes that were killed while they wrote `target` have left.
void RemoveLeftovers(const std::string& target) {
  const std::string prefix = std::filesystem::path(TemporaryPrefix(target)).filename().string();
  std::error_code error;
  std::filesystem::directory_iterator entry(ParentOf(target), error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix) ||
        name.find_first_not_of("0123456789-+", prefix.size()) != std::string::npos) {
      continue;
    }
    // What cannot be opened or locked stays: it costs room on the disk, nothing else.
    const Fd fd(Retry([&] { return ::open(entry->path().c_str(), O_RDONLY | O_CLOEXEC); }));
    if (fd.get() >= 0 && TryLock(fd) == 0) {
      ::unlink(entry->path().c_str());
    }
  }
}

/// Whether a file has a name while it is written.
enum class Naming : std::uint8_t { kNamed, kUnnamed };

class PosixAtomicFile final : public AtomicFile {
 public:
  PosixAtomicFile(Fd fd, Naming naming, std::string temporary, std::string target)
      : fd_(std::move(fd)),
        naming_(naming),
        temporary_(std::move(temporary)),
        target_(std::move(target)) {}
  PosixAtomicFile(const PosixAtomicFile&) = delete;
  PosixAtomicFile& operator=(const PosixAtomicFile&) = delete;
  ~PosixAtomicFile() override {
    if (naming_ == Naming::kNamed && !renamed_) {
      ::unlink(temporary_.c_str());
    }
  }

  Status Append(std::string_view data) override {
    EDB_TRY(status_);
    buffer_.append(data);
    if (buffer_.size() >= kWriteBytes) {
      status_ = WriteBuffer();
    }
    return status_;
  }

  Status Commit() override {
    EDB_TRY(status_);
    status_ = DoCommit();
    if (!status_.ok()) {
      return status_;
    }
    status_ = FailedPreconditionError(Concat(QuoteWhole(target_), " is committed already"));
    return {};
  }

 private:
  Status WriteBuffer() {
    EDB_TRY(WriteAll(fd_, target_, buffer_));
    buffer_.clear();
    return {};
  }

  Status DoCommit() {
    EDB_TRY(WriteBuffer());
    EDB_TRY(Sync(fd_, target_));
    EDB_TRY(GiveName());
    if (const int error = fd_.Close(); error != 0) {
      return SystemError("close", target_, error);
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      return SystemError("rename a new file to", target_, errno);
    }
    renamed_ = true;
    return SyncDirectory(ParentOf(target_));
  }

  /// A link cannot replace the target, so that the temporary name is needed for a moment.
  Status GiveName() {
    if (naming_ == Naming::kNamed) {
      return {};
    }
    while (::linkat(AT_FDCWD, PathOf(fd_).c_str(), AT_FDCWD, temporary_.c_str(),
                    AT_SYMLINK_FOLLOW) != 0) {
      if (errno != EEXIST) {
        return SystemError("name a new file", temporary_, errno);
      }
      temporary_ += '+';
    }
    naming_ = Naming::kNamed;
    return {};
  }

  Fd fd_;
  Naming naming_;
  std::string temporary_;
  std::string target_;
  std::string buffer_;
  Status status_;  // the first error, which every later call repeats
  bool renamed_ = false;
};

class PosixMappedFile final : public MappedFile {
 public:
  /// `data` is null for an empty file.
  PosixMappedFile(void* data, std::size_t size) : data_(data), size_(size) {}
  PosixMappedFile(const PosixMappedFile&) = delete;
  PosixMappedFile& operator=(const PosixMappedFile&) = delete;
  ~PosixMappedFile() override {
    if (data_ != nullptr) {
      ::munmap(data_, size_);
    }
  }

  std::span<const std::byte> bytes() const override {
    return {static_cast<const std::byte*>(data_), size_};
  }
  void Touch(std::size_t offset, std::size_t size) const override {
#if defined(MADV_POPULATE_READ)
    // From a page's beginning; an error, as of an older kernel, costs time only.
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t first = offset / page * page;
    (void)::madvise(static_cast<std::byte*>(data_) + first, size + offset - first,
                    MADV_POPULATE_READ);
#else
    (void)offset;
    (void)size;
#endif
  }

 private:
  void* data_;
  std::size_t size_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Fd fd) : fd_(std::move(fd)) {}

 private:
  Fd fd_;
};

class PosixEnv final : public Env {
 public:
  std::int64_t NowUnixSeconds() override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::floor<std::chrono::seconds>(now).count();
  }
  Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes) override;
  Result<std::unique_ptr<AtomicFile>> CreateAtomic(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> Map(const std::string& path) override;
  bool Exists(const std::string& path) override {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0;
  }
  bool IsDirectory(const std::string& path) override {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }
  Result<std::vector<std::string>> List(const std::string& path) override;
  Status MakeDirectories(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Link(const std::string& file, const std::string& name) override;
  Status Remove(const std::string& path) override {
    if (std::remove(path.c_str()) == 0 || errno == ENOENT) {
      return {};
    }
    return SystemError("remove", path, errno);
  }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  std::atomic<unsigned> next_temporary_ = 0;
};

Result<std::string> PosixEnv::ReadFile(const std::string& path, std::size_t max_bytes) {
  EDB_ASSIGN(const Fd fd, Open(path, O_RDONLY));
  std::string content;
  std::array<char, 16 * 1024> chunk{};
  while (true) {
    const ssize_t got = Retry([&] { return ::read(fd.get(), chunk.data(), chunk.size()); });
    if (got < 0) {
      return SystemError("read", path, errno);
    }
    if (got == 0) {
      return content;
    }
    content.append(chunk.data(), static_cast<std::size_t>(got));
    if (content.size() > max_bytes) {
      return ResourceExhaustedError(
          Concat("file ", QuoteWhole(path), " is longer than the limit of ", max_bytes, " bytes"));
    }
  }
}

Result<std::unique_ptr<AtomicFile>> PosixEnv::CreateAtomic(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  if (name == path.size()) {
    return InvalidArgumentError(Concat("path ", QuoteWhole(path), " names no file"));
  }
  RemoveLeftovers(path);
  // Without a name, where the file system knows such files: whatever ends the process, nothing of
  // it stays. The named file is tried first all the same, for the errors of its name.
  while (true) {
    const std::string temporary =
        Concat(TemporaryPrefix(path), ::getpid(), "-", next_temporary_.fetch_add(1));
    Result<Fd> fd = Open(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (fd.status().code() == StatusCode::kAlreadyExists) {
      continue;  // of another process with this number, in a container perhaps
    }
    EDB_TRY(fd.status());
    Naming naming = Naming::kNamed;
    if (Result<Fd> unnamed = OpenUnnamed(ParentOf(path)); unnamed.ok()) {
      ::unlink(temporary.c_str());
      fd = std::move(unnamed);
      naming = Naming::kUnnamed;
    }
    // The lock tells others that the file is being written and not left behind. A file system
    // without locks has no such others.
    const bool taken = TryLock(*fd) == EWOULDBLOCK;
    if (naming == Naming::kNamed && (taken || !HasName(*fd))) {
      continue;  // somebody took it for a leftover before it was marked
    }
    return std::unique_ptr<AtomicFile>(
        std::make_unique<PosixAtomicFile>(*std::move(fd), naming, temporary, path));
  }
}

Result<std::unique_ptr<MappedFile>> PosixEnv::Map(const std::string& path) {
  EDB_ASSIGN(const Fd fd, Open(path, O_RDONLY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return SystemError("look at", path, errno);
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (data == MAP_FAILED) {
      return SystemError("map", path, errno);
    }
  }
  return std::unique_ptr<MappedFile>(std::make_unique<PosixMappedFile>(data, size));
}

Result<std::vector<std::string>> PosixEnv::List(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  if (error) {
    return SystemError("list", path, error.value());
  }
  return names;
}

Status PosixEnv::MakeDirectories(const std::string& path) {
  if (path.empty()) {
    return InvalidArgumentError("directory path is empty");
  }
  if (IsDirectory(path)) {
    return {};
  }
  const std::size_t end = path.find_last_not_of('/');
  const std::string trimmed = path.substr(0, end + 1);
  const std::string parent = ParentOf(trimmed);
  if (parent != trimmed) {
    EDB_TRY(MakeDirectories(parent));
  }
  if (::mkdir(trimmed.c_str(), kDirectoryMode) == 0) {
    return SyncDirectory(parent);
  }
  const int error = errno;
  if (error == EEXIST && IsDirectory(trimmed)) {
    return {};  // another process was quicker
  }
  return SystemError("make directory", path, error);
}

Status PosixEnv::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return SystemError(Concat("rename ", QuoteWhole(from), " to"), to, errno);
  }
  EDB_TRY(SyncDirectory(ParentOf(to)));
  return ParentOf(from) == ParentOf(to) ? Status() : SyncDirectory(ParentOf(from));
}

Status PosixEnv::Link(const std::string& file, const std::string& name) {
  if (::link(file.c_str(), name.c_str()) != 0) {
    return SystemError(Concat("link ", QuoteWhole(file), " to"), name, errno);
  }
  return SyncDirectory(ParentOf(name));
}

/// The process that has the lock, for a message. What the system says counts; the id that a holder
/// has written into its lock file may be that of the one before, for a moment.
std::string HolderOf(const Fd& fd, const std::string& path) {
  if (const std::vector<LockHolder> holders = LockHoldersOf(path); !holders.empty()) {
    return DescribeProcess(holders.front().pid);
  }
  std::array<char, 32> text{};
  const ssize_t got = Retry([&] { return ::pread(fd.get(), text.data(), text.size(), 0); });
  long pid = 0;
  if (got > 0) {
    std::from_chars(text.data(), text.data() + got, pid);
  }
  return DescribeProcess(pid);
}

Result<std::unique_ptr<FileLock>> PosixEnv::Lock(const std::string& path) {
  EDB_ASSIGN(Fd fd, Open(path, O_RDWR | O_CREAT));
  if (const int error = TryLock(fd); error != 0) {
    if (error != EWOULDBLOCK) {
      return SystemError("lock", path, error);
    }
    return FailedPreconditionError(Concat(QuoteWhole(path), " is locked by ", HolderOf(fd, path)));
  }
  if (::ftruncate(fd.get(), 0) != 0) {
    return SystemError("write", path, errno);
  }
  EDB_TRY(WriteAll(fd, path, Concat(::getpid(), "\n")));
  return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(fd)));
}

}  // namespace

std::unique_ptr<Env> NewPosixEnv() {
  return std::make_unique<PosixEnv>();
}

}  // namespace embeddingsdb
