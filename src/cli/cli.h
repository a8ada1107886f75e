// SPDX-License-Identifier: BSD-3-Clause
//
// The command line as a whole: from the words typed to the command that runs.
#ifndef EMBEDDINGSDB_CLI_CLI_H_
#define EMBEDDINGSDB_CLI_CLI_H_

#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace embeddingsdb {

/// Runs the command that `program` (argv[0]) or the first argument names, and returns the exit
/// code. Flushes standard output; that it could not all be written is an error too.
int RunCli(std::string_view program, std::span<const std::string> args, Session& session);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_CLI_H_
