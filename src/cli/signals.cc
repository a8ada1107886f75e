// SPDX-License-Identifier: BSD-3-Clause
#include "cli/signals.h"

#include <csignal>
#include <pthread.h>
#include <unistd.h>

namespace embeddingsdb {
namespace {

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A server's log may go to a pipe whose reader leaves; that must not end the server.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  waiter_ = std::thread([this] { Wait(); });
}

StopSignals::~StopSignals() {
  done_.store(true);
  pthread_kill(waiter_.native_handle(), SIGINT);
  waiter_.join();
}

void StopSignals::Wait() {
  const sigset_t signals = TerminationSignals();
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) {
      continue;
    }
    if (done_.load()) {
      return;
    }
    if (!source_.request_stop()) {
      _exit(128 + signal);
    }
  }
}

}  // namespace embeddingsdb
