// SPDX-License-Identifier: BSD-3-Clause
//
// StateFile: how far a long job has come, in a small file, so that it can go on after it was
// interrupted.
#ifndef EMBEDDINGSDB_CLI_STATE_FILE_H_
#define EMBEDDINGSDB_CLI_STATE_FILE_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/env.h"

namespace embeddingsdb {

/// What a job is called in its file and in messages.
struct JobKind {
  std::string_view format;   ///< the first thing in the file, e.g. "embeddingsdb import 1"
  std::string_view name;     ///< "an import"
  std::string_view another;  ///< "an import into another database"
};

/// A JSON object of texts, written whole or not at all. What the job works on is only there as a
/// hash, for a URI may hold a secret. Used by one thread.
class StateFile {
 public:
  /// Reads the file when it is there. kFailedPrecondition, saying which, when it is not of such a
  /// job or of one with another target; `target` is any text that names what the job works on.
  static Result<StateFile> Open(std::string path, const JobKind& kind, std::string_view target,
                                Env& env);

  const std::string& path() const { return path_; }
  /// An entry of the file. The view is valid until it is set again.
  std::optional<std::string_view> Get(std::string_view name) const;
  void Set(std::string_view name, std::string value);

  /// Whether a second has gone by since the file was written.
  bool due() const;
  Status Write();
  /// The job is done.
  Status Remove() { return env_->Remove(path_); }

 private:
  StateFile(std::string path, Env& env) : path_(std::move(path)), env_(&env) {}

  std::string path_;
  Env* env_;
  Attributes entries_;
  std::chrono::steady_clock::time_point written_;
};

/// 16 hexadecimal digits at most, of XXH3.
std::string ShortHash(std::string_view text);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_STATE_FILE_H_
