// SPDX-License-Identifier: BSD-3-Clause
//
// The executable: puts the pieces together and hands over to the command line.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "embeddingsdb/registry.h"

#include "cli/cli.h"
#include "cli/exit_code.h"
#include "core/env.h"
#include "core/log.h"
#include "embedders/builtin_embedders.h"
#include "engines/builtin_engines.h"
#include "rpc/builtin_rpc.h"
#include "s3server/s3_server.h"

namespace {

/// For debuggers and profilers, which would follow the wrong process.
bool IsSwitchedOff(const char* variable) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value != nullptr && std::string_view(value) == "0";
}

int Run(int argc, char** argv) {
  using namespace embeddingsdb;  // NOLINT(google-build-using-namespace): this is main
  std::ios::sync_with_stdio(false);
  Logger log;
  const std::unique_ptr<Env> env = NewPosixEnv();
  Registry registry;
  RegisterBuiltinEngines(registry);
  RegisterBuiltinClients(registry);
  RegisterBuiltinServers(registry);
  RegisterS3Server(registry);
  RegisterBuiltinEmbedders(registry);
  Session session{.io = {.in = std::cin,
                         .out = std::cout,
                         .err = std::cerr,
                         .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                         .err_is_terminal = isatty(STDERR_FILENO) == 1},
                  .context = {.env = env.get(), .log = &log, .registry = &registry},
                  .supervise = !IsSwitchedOff("EMBEDDINGSDB_SUPERVISE")};
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return RunCli(argc > 0 ? argv[0] : "embeddingsdb", args, session);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    // Nothing of ours throws: this is memory that ran out, or a bug in a library.
    std::cerr << "embeddingsdb: unexpected failure: " << error.what() << "\n";
    return embeddingsdb::kExitFailure;
  }
}
