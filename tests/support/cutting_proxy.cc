// SPDX-License-Identifier: BSD-3-Clause
#include "support/cutting_proxy.h"

#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace embeddingsdb {
namespace {

constexpr int kPollMilliseconds = 20;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int handle, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(handle, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(int server_port) : server_port_(server_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::jthread([this] { Accept(); });
}

CuttingProxy::~CuttingProxy() {
  done_ = true;
  accepting_.join();
  lines_.clear();
  ::close(listener_);
}

void CuttingProxy::Arm(std::string text, bool after) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
  after_ = after;
}

void CuttingProxy::Accept() {
  while (!done_) {
    pollfd waiting = {.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPollMilliseconds) <= 0) {
      continue;
    }
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (refuse_) {
      ::close(client);
    } else {
      lines_.emplace_back([this, client] { Serve(client); });
    }
  }
}

int CuttingProxy::Cut(std::string_view sent) {
  const std::lock_guard lock(mutex_);
  if (text_.empty() || sent.find(text_) == std::string_view::npos) {
    return 0;
  }
  text_.clear();
  ++cuts_;
  return after_ ? 2 : 1;
}

void CuttingProxy::Serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(server_port_);
  bool open = server >= 0 &&
              ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  bool deaf = false;  // the client does not hear the server any more
  std::vector<char> bytes(1 << 16);
  while (open && !done_) {
    std::array<pollfd, 2> ends = {pollfd{.fd = client, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = server, .events = POLLIN, .revents = 0}};
    if (::poll(ends.data(), ends.size(), kPollMilliseconds) <= 0) {
      continue;
    }
    if (ends[0].revents != 0) {
      const ssize_t size = ::recv(client, bytes.data(), bytes.size(), 0);
      const std::string_view sent(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
      const int cut = Cut(sent);
      open = size > 0 && cut != 1 && SendAll(server, sent);
      deaf = deaf || cut == 2;
    }
    if (open && ends[1].revents != 0) {
      const ssize_t size = ::recv(server, bytes.data(), bytes.size(), 0);
      open = size > 0 && !deaf && SendAll(client, {bytes.data(), static_cast<std::size_t>(size)});
    }
  }
  ::close(server);
  ::close(client);
}

}  // namespace embeddingsdb
