// SPDX-License-Identifier: BSD-3-Clause
#include "support/pglite_server.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/free_port.h"

namespace embeddingsdb {

PgliteServer::PgliteServer(const std::string& node, const std::string& script) : port_(FreePort()) {
  std::array<int, 2> input = {};
  std::array<int, 2> output = {};
  if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
    std::abort();
  }
  const std::string port = std::to_string(port_);
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    ::execl(node.c_str(), node.c_str(), script.c_str(), port.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  char first = 0;
  const bool ready = ::read(output[0], &first, 1) == 1 && first == 'r';
  ::close(output[0]);
  if (!ready) {
    (void)std::fprintf(stderr, "PgliteServer: %s does not start; scripts/setup --test fetches it\n",
                       script.c_str());
    std::abort();
  }
}

PgliteServer::~PgliteServer() {
  ::close(input_);
  ::kill(process_, SIGKILL);
  int status = 0;
  ::waitpid(process_, &status, 0);
}

std::string PgliteServer::Uri(std::string_view schema) const {
  return "postgres://postgres@127.0.0.1:" + std::to_string(port_) +
         "/postgres?sslmode=disable&bulk=insert&schema=" + std::string(schema);
}

}  // namespace embeddingsdb
