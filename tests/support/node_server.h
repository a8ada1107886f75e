// SPDX-License-Identifier: BSD-3-Clause
//
// NodeServer: a server on a free port of the loopback interface that node runs. Its script is given
// the port, prints "ready" and ends with its standard input.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_NODE_SERVER_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_NODE_SERVER_H_

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/free_port.h"

namespace embeddingsdb {

class NodeServer {
 public:
  /// Ends the program when the server does not start, as no test can go on.
  NodeServer(const std::string& node, const std::string& script) : port_(FreePort()) {
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
      (void)std::fprintf(stderr, "%s does not start; scripts/setup --test fetches it\n",
                         script.c_str());
      std::abort();
    }
  }
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;
  ~NodeServer() {
    ::close(input_);
    ::kill(process_, SIGKILL);
    int status = 0;
    ::waitpid(process_, &status, 0);
  }

  int port() const { return port_; }

 private:
  int port_ = 0;
  int input_ = -1;
  pid_t process_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_NODE_SERVER_H_
