// SPDX-License-Identifier: BSD-3-Clause
//
// Supervise: a command in a child process. A Parquet file comes from anywhere and is read by a
// library of half a million lines; what it may do to the process stays in that process, and the
// user gets a sentence and an exit code (docs/adr/0023-hostile-files.md).
#ifndef EMBEDDINGSDB_CLI_SUPERVISOR_H_
#define EMBEDDINGSDB_CLI_SUPERVISOR_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "cli/command.h"

namespace embeddingsdb {

/// What the child may take; 0 is no limit.
struct ChildLimits {
  std::uint64_t memory_bytes = 0;  ///< of private memory, beyond what the process has already
  std::uint64_t cpu_seconds = 0;   ///< of all its threads
  std::uint64_t open_files = 0;
};

/// The limits of limits.h. `args` are the command's: the files among them give it time.
ChildLimits LimitsOf(Supervision supervision, std::span<const std::string> args);

/// Runs `work` in a child process and returns its exit code, in both: in the child the caller goes
/// on as if it had called `work` itself, so it ends as a program does. Call it before any thread
/// is started and before anything is printed.
///
/// Meanwhile the parent passes SIGINT, SIGTERM, SIGHUP and SIGQUIT on when another process sent
/// them (from a terminal the child gets them too), and the child ends when the parent does. When
/// they or SIGPIPE end the child, the parent ends by the same signal, as shells expect. When
/// anything else does, or memory runs out, a line in `log` says so, and the exit code is kExitLimit
/// for a limit and kExitDataLoss for a crash. Where no process can be started, `work` runs here.
int Supervise(const ChildLimits& limits, Logger& log, const std::function<int()>& work);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_SUPERVISOR_H_
