// SPDX-License-Identifier: BSD-3-Clause
//
// Progress: one line on a terminal that says how far a long job is.
#ifndef EMBEDDINGSDB_CLI_PROGRESS_H_
#define EMBEDDINGSDB_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/command.h"

namespace embeddingsdb {

/// "1,234 of 5,000 records, 410 a second, 9 s left", with a bar in front when the total is known.
/// Silent unless standard error is a terminal and no debug log is written there. The line is
/// erased when the object is destroyed. Used by one thread.
class Progress {
 public:
  /// `total` 0 means unknown.
  Progress(Session& session, std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Whether there is anybody to show it to.
  static bool Wanted(Session& session);
  /// Shows that `count` are done; redraws at most ten times a second.
  void Update(std::int64_t count);

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& err_;
  std::int64_t total_;
  bool enabled_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
};

/// The text of the line after `seconds`.
std::string ProgressLine(std::int64_t count, std::int64_t total, double seconds);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_PROGRESS_H_
