// SPDX-License-Identifier: BSD-3-Clause
//
// What the tools' exit codes mean; scripts rely on them (docs/operating.md).
#ifndef EMBEDDINGSDB_CLI_EXIT_CODE_H_
#define EMBEDDINGSDB_CLI_EXIT_CODE_H_

#include "embeddingsdb/status.h"

namespace embeddingsdb {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;      ///< anything without a code of its own
inline constexpr int kExitUsage = 2;        ///< the command line: flags, values, arguments
inline constexpr int kExitNotFound = 3;     ///< no such record or file
inline constexpr int kExitUnavailable = 4;  ///< the server cannot be reached or did not answer
inline constexpr int kExitDataLoss = 5;     ///< stored data is damaged
inline constexpr int kExitRefused = 6;      ///< token, permission, a locked or closed database
inline constexpr int kExitLimit = 7;        ///< a limit, a quota or a full disk

/// The exit code that stands for a status.
int ExitCodeOf(const Status& status);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_EXIT_CODE_H_
