// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/listener.h"

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace embeddingsdb {
namespace {

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

class Socket {
 public:
  explicit Socket(const addrinfo& address, int flags = 0)
      : fd_(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

/// The addresses of a host; when there are none, `error` says why.
Addresses Resolve(const std::string& host, std::uint16_t port, int flags, std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(),
                               &hints, &found);
  if (code == 0) {
    return {found, &freeaddrinfo};
  }
  error = gai_strerror(code);
  return {nullptr, &freeaddrinfo};
}

enum class Waited : std::uint8_t { kReady, kTimedOut, kMeaningless };

/// Waits for an event. Says so when the wait means nothing: when it was told to stop, or was itself
/// held up by a machine that is so busy that a silent server may only be waiting for its turn.
Waited Wait(int fd, short events, std::chrono::steady_clock::time_point deadline,
            const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kStep{50};  // how soon a stop is noticed
  bool held_up = false;
  for (Clock::time_point now = Clock::now(); now < deadline && !stop.stop_requested();) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    if (poll(&entry, 1, static_cast<int>(kStep.count())) > 0) {
      return Waited::kReady;
    }
    const Clock::time_point before = std::exchange(now, Clock::now());
    held_up = held_up || now - before > 4 * kStep;
  }
  return held_up || stop.stop_requested() ? Waited::kMeaningless : Waited::kTimedOut;
}

ProbeResult Probe(const addrinfo& address, std::chrono::milliseconds timeout,
                  const std::stop_token& stop) {
  const Socket socket(address, SOCK_NONBLOCK);
  if (socket.fd() < 0) {
    return ProbeResult::kUnknown;
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS) {
    return ProbeResult::kUnknown;
  }
  Waited waited = Wait(socket.fd(), POLLOUT, deadline, stop);
  if (waited == Waited::kReady) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
        shutdown(socket.fd(), SHUT_WR) != 0) {
      return ProbeResult::kUnknown;
    }
    waited = Wait(socket.fd(), POLLIN, deadline, stop);
  }
  if (waited == Waited::kReady) {
    return ProbeResult::kAlive;
  }
  return waited == Waited::kTimedOut ? ProbeResult::kSilent : ProbeResult::kUnknown;
}

}  // namespace

ProbeResult ProbeListener(const std::string& host, std::uint16_t port,
                          std::chrono::milliseconds timeout, const std::stop_token& stop) {
  std::string error;
  const Addresses addresses = Resolve(host, port, 0, error);
  // All addresses belong to one gRPC server, so the first that can be tried speaks for it.
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    const ProbeResult result = Probe(*one, timeout, stop);
    if (result != ProbeResult::kUnknown) {
      return result;
    }
  }
  return ProbeResult::kUnknown;
}

std::string WhyNotListen(const std::string& host, std::uint16_t port) {
  std::string error;
  const Addresses addresses = Resolve(host, port, AI_PASSIVE, error);
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    const Socket socket(*one);
    const int on = 1;
    if (socket.fd() >= 0 &&
        setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(socket.fd(), one->ai_addr, one->ai_addrlen) == 0) {
      return {};
    }
    error = std::generic_category().message(errno);
  }
  return error;
}

std::uint64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 0;
  }
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      return raised.rlim_cur;
    }
  }
  return limit.rlim_cur;
}

}  // namespace embeddingsdb
