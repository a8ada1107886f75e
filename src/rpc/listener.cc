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

bool Wait(int fd, short events, std::chrono::steady_clock::time_point deadline,
          const std::stop_token& stop) {
  constexpr int kStepMs = 50;  // how soon a stop is noticed
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < deadline) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    if (poll(&entry, 1, kStepMs) > 0) {
      return true;
    }
  }
  return false;
}

ProbeResult Probe(const addrinfo& address, std::chrono::milliseconds timeout,
                  const std::stop_token& stop) {
  const Socket socket(address, SOCK_NONBLOCK);
  if (socket.fd() < 0) {
    return ProbeResult::kUnknown;
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto late = [&] {
    return stop.stop_requested() ? ProbeResult::kUnknown : ProbeResult::kSilent;
  };
  if (connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS) {
    return ProbeResult::kUnknown;
  }
  if (!Wait(socket.fd(), POLLOUT, deadline, stop)) {
    return late();
  }
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
      shutdown(socket.fd(), SHUT_WR) != 0) {
    return ProbeResult::kUnknown;
  }
  return Wait(socket.fd(), POLLIN, deadline, stop) ? ProbeResult::kAlive : late();
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
