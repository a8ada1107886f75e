// SPDX-License-Identifier: BSD-3-Clause
//
// Who holds a lock that we do not get, for the message: a process of ours or of any other program.
#ifndef EMBEDDINGSDB_CORE_LOCK_HOLDER_H_
#define EMBEDDINGSDB_CORE_LOCK_HOLDER_H_

#include <optional>
#include <string>
#include <vector>

namespace embeddingsdb {

/// A process with a lock on a file, of fcntl or flock.
struct LockHolder {
  long pid = 0;
  bool exclusive = false;
};

/// Who has locks on the file or a part of it, this process too, as far as the system tells
/// (/proc/locks). The file is not opened: closing it again would drop the locks that this process
/// has on it.
std::vector<LockHolder> LockHoldersOf(const std::string& path);

/// Another process with a lock on the file, rather one with an exclusive lock.
std::optional<long> OtherLockHolderOf(const std::string& path);

/// "process 1234 (sqlite3, since 2026-03-30 12:04:30 UTC)"; without what is in the brackets where
/// the system does not tell; "another process" when there is no such process.
std::string DescribeProcess(long pid);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_LOCK_HOLDER_H_
