// SPDX-License-Identifier: BSD-3-Clause
//
// An HTTP server on a free loopback port that answers byte for byte what a test says, breaks off
// where the test wants it to, and keeps what it was asked.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_LOOPBACK_HTTP_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_LOOPBACK_HTTP_H_

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/text.h"

namespace embeddingsdb {

struct SeenRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct FakeReply {
  int status = 200;
  std::string body = "{}";
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool reset = false;         // the connection is reset instead
  std::size_t cut = 0;        // so many bytes of the body are announced and not sent
  bool byte_by_byte = false;  // slowly, as far as a client can tell
};

/// Each connection has a thread; `answer` is called by them one at a time.
class LoopbackHttp {
 public:
  using Answer = std::function<FakeReply(const SeenRequest&)>;

  explicit LoopbackHttp(Answer answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener_, Address(address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, Address(address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this](const std::stop_token& stop) { Accept(stop); });
  }
  LoopbackHttp(const LoopbackHttp&) = delete;
  LoopbackHttp& operator=(const LoopbackHttp&) = delete;
  ~LoopbackHttp() {
    acceptor_.request_stop();
    acceptor_.join();
    for (std::jthread& connection : connections_) {
      connection.request_stop();
    }
    connections_.clear();
    ::close(listener_);
  }

  std::string url() const { return Concat("http://127.0.0.1:", port_); }
  std::vector<SeenRequest> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  int accepted() const { return accepted_; }

 private:
  static constexpr int kPollMilliseconds = 20;

  static sockaddr* Address(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }
  static bool Readable(int socket, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd poll{.fd = socket, .events = POLLIN, .revents = 0};
      if (::poll(&poll, 1, kPollMilliseconds) > 0) {
        return true;
      }
    }
    return false;
  }

  void Accept(const std::stop_token& stop) {
    while (Readable(listener_, stop)) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket >= 0) {
        ++accepted_;
        connections_.emplace_back(
            [this, socket](const std::stop_token& stopped) { Serve(socket, stopped); });
      }
    }
  }

  void Serve(int socket, const std::stop_token& stop) {
    std::string buffer;
    SeenRequest request;
    while (Read(socket, stop, buffer, request)) {
      FakeReply reply;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request);
        reply = answer_(request);
      }
      if (!Write(socket, reply)) {
        break;
      }
    }
    ::close(socket);
  }

  static bool Fill(int socket, const std::stop_token& stop, std::string& buffer) {
    std::array<char, 65'536> bytes{};
    if (!Readable(socket, stop)) {
      return false;
    }
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      return false;
    }
    buffer.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  static bool Read(int socket, const std::stop_token& stop, std::string& buffer,
                   SeenRequest& request) {
    request = {};
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill(socket, stop, buffer)) {
        return false;
      }
    }
    std::string_view head(buffer.data(), end + 2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t space = line.find(' ');
    request.method = line.substr(0, space);
    request.target = line.substr(space + 1, line.rfind(' ') - space - 1);
    for (head.remove_prefix(line.size() + 2); !head.empty();) {
      const std::string_view field = head.substr(0, head.find("\r\n"));
      head.remove_prefix(field.size() + 2);
      const std::size_t colon = field.find(':');
      request.headers[AsciiLower(field.substr(0, colon))] = field.substr(colon + 2);
    }
    const auto length = request.headers.find("content-length");
    const std::size_t size =
        length == request.headers.end() ? 0 : std::strtoull(length->second.c_str(), nullptr, 10);
    while (buffer.size() < end + 4 + size) {
      if (!Fill(socket, stop, buffer)) {
        return false;
      }
    }
    request.body = buffer.substr(end + 4, size);
    buffer.erase(0, end + 4 + size);
    return true;
  }

  // False when the connection has ended.
  static bool Write(int socket, const FakeReply& reply) {
    if (reply.reset) {
      const linger now{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
      return false;
    }
    std::string text = Concat("HTTP/1.1 ", reply.status,
                              " Said\r\nContent-Length: ", reply.body.size() + reply.cut, "\r\n");
    for (const auto& [name, value] : reply.headers) {
      text += Concat(name, ": ", value, "\r\n");
    }
    text += Concat("\r\n", reply.body);
    const std::size_t step = reply.byte_by_byte ? 1 : text.size();
    for (std::size_t i = 0; i < text.size(); i += step) {
      const std::string_view piece = std::string_view(text).substr(i, step);
      if (::send(socket, piece.data(), piece.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(piece.size())) {
        return false;
      }
    }
    return reply.cut == 0;
  }

  const Answer answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::vector<std::jthread> connections_;
  std::jthread acceptor_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_LOOPBACK_HTTP_H_
