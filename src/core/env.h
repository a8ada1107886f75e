// SPDX-License-Identifier: BSD-3-Clause
//
// Env: the only door of our own code to files and the clock, and so the seam where tests plant
// faults. Libraries that do their own I/O (SQLite, DuckDB) are tested with seams of their own.
#ifndef EMBEDDINGSDB_CORE_ENV_H_
#define EMBEDDINGSDB_CORE_ENV_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A file being written, without a name where the file system allows it, else under a temporary
/// one. Destroying it without Commit removes it.
class AtomicFile {
 public:
  virtual ~AtomicFile() = default;
  virtual Status Append(std::string_view data) = 0;
  /// Syncs the data, renames it onto the target and syncs the directory.
  virtual Status Commit() = 0;
};

/// A file's content, read where the kernel keeps it. It stays as it was when another file takes the
/// file's name; nobody may shorten the file itself.
class MappedFile {
 public:
  virtual ~MappedFile() = default;
  virtual std::span<const std::byte> bytes() const = 0;
  /// Reads a range ahead of its use; a hint.
  virtual void Touch(std::size_t offset, std::size_t size) const = 0;
};

/// A lock held until destroyed; the kernel releases it when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Safe for concurrent use.
class Env {
 public:
  virtual ~Env() = default;

  /// Seconds since 1970, UTC.
  virtual std::int64_t NowUnixSeconds() = 0;
  /// kNotFound; kResourceExhausted when the file is longer than `max_bytes`.
  virtual Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes) = 0;
  virtual Result<std::unique_ptr<AtomicFile>> CreateAtomic(const std::string& path) = 0;
  /// Writes a whole file, in the place of the one that is there.
  Status WriteFile(const std::string& path, std::string_view content) {
    EDB_ASSIGN(const std::unique_ptr<AtomicFile> file, CreateAtomic(path));
    EDB_TRY(file->Append(content));
    return file->Commit();
  }
  /// kNotFound; kResourceExhausted when there is no room for it among the addresses.
  virtual Result<std::unique_ptr<MappedFile>> Map(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual bool IsDirectory(const std::string& path) = 0;
  /// The names in a directory, in no order.
  virtual Result<std::vector<std::string>> List(const std::string& path) = 0;
  /// Makes a directory and its parents; no error when it is there.
  virtual Status MakeDirectories(const std::string& path) = 0;
  /// Renames and syncs the directory.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// Gives a file a second name (a hard link) and syncs the directory. kAlreadyExists when there is
  /// a file of that name, kPermissionDenied on file systems without hard links.
  virtual Status Link(const std::string& file, const std::string& name) = 0;
  /// Removes a file or an empty directory; no error when it is not there.
  virtual Status Remove(const std::string& path) = 0;
  /// Takes an exclusive lock on the file at `path`, creating it. kFailedPrecondition naming the
  /// holder's process id when another process, or another handle of this one, has it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

/// The real thing.
std::unique_ptr<Env> NewPosixEnv();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_ENV_H_
