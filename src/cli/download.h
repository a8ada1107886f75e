// SPDX-License-Identifier: BSD-3-Clause
//
// Inputs that are named by an http(s) URL: fetched into a temporary file first, so that the reader
// can seek in them and a broken connection is noticed before anything is imported.
#ifndef EMBEDDINGSDB_CLI_DOWNLOAD_H_
#define EMBEDDINGSDB_CLI_DOWNLOAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// True for http:// and https://.
bool IsUrl(std::string_view input);

/// The input as it may be shown: a URL without user, password and query, which can hold secrets.
std::string DisplayInput(std::string_view input);

/// A file that is removed when the object is destroyed.
class TemporaryFile {
 public:
  /// In $TMPDIR, or /tmp. Only this user can read it.
  static Result<TemporaryFile> Create();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  TemporaryFile(TemporaryFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  /// By which this process can open it; it has no name.
  std::string path() const;
  int descriptor() const { return descriptor_; }

 private:
  explicit TemporaryFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

struct DownloadOptions {
  std::int64_t max_bytes = kMaxDownloadBytes;
  int connect_seconds = 30;  ///< to a connection
  int stall_seconds = 60;    ///< with less than 1 KB a second before it is given up
};

/// Fetches `url`. Follows at most 5 redirects, to http(s) only and never from https to http.
/// kNotFound for 404 and 410, kPermissionDenied for 401 and 403, kUnavailable when the server
/// cannot be reached or breaks off, kResourceExhausted over `max_bytes` or on a full disk.
Result<TemporaryFile> Download(const std::string& url, const DownloadOptions& options = {});

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_DOWNLOAD_H_
