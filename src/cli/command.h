// SPDX-License-Identifier: BSD-3-Clause
//
// Command: one verb of the command line, and what it is given to work with.
#ifndef EMBEDDINGSDB_CLI_COMMAND_H_
#define EMBEDDINGSDB_CLI_COMMAND_H_

#include <cstdint>
#include <istream>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/registry.h"

#include "core/env.h"
#include "core/log.h"

namespace embeddingsdb {

/// The process's streams. Results go to `out`; everything for people goes to `err`.
struct Io {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
};

/// What a command works with. `context` is complete: env, log and registry are never null.
struct Session {
  Io io;
  Context context;
  bool supervise = false;  ///< may fork; Command::supervision is heeded

  Logger& log() const { return *context.log; }
  Env& env() const { return *context.env; }
  const Registry& registry() const { return *context.registry; }
};

/// How a command was called: the words that name it, as typed, and what follows them.
struct Invocation {
  std::string program;
  std::span<const std::string> args;
};

/// What becomes of a command that a file from outside makes crash or run wild (supervisor.h).
enum class Supervision : std::uint8_t {
  kNone,
  kMemory,  ///< a child process that may take the memory there is
  kAll,     ///< one that takes little memory and time in proportion to its files
};

/// An entry of the command list.
struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(const Invocation& call, Session& session);  ///< returns an exit code (exit_code.h)
  Supervision supervision = Supervision::kNone;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_COMMAND_H_
