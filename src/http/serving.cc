// SPDX-License-Identifier: BSD-3-Clause
#include "http/serving.h"

#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <httplib.h>
#include <mutex>
#include <thread>
#include <utility>

namespace embeddingsdb {

std::optional<int> BindHttp(httplib::Server& server, const std::string& host, int port) {
  // The library's own choice lets two processes listen on one port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
  });
  if (port != 0) {
    return server.bind_to_port(host, port) ? std::optional(port) : std::nullopt;
  }
  const int free = server.bind_to_any_port(host);
  return free < 0 ? std::nullopt : std::optional(free);
}

Status ServeHttp(httplib::Server& server, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::atomic<bool> ended = false;
  // The library ignores a stop that comes before it runs, so it is told until it has.
  const std::jthread stopper([&](const std::stop_token& own) {
    const std::stop_callback forward(own, [&] { wake.notify_all(); });
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, stop, [&] { return ended.load() || own.stop_requested(); });
    }
    while (!ended.load()) {
      server.stop();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const bool listened = server.listen_after_bind();
  {
    const std::lock_guard lock(mutex);
    ended.store(true);
  }
  wake.notify_all();
  return listened || stop.stop_requested() ? Status() : UnavailableError("the server gave up");
}

bool HasBody(const httplib::Request& request) {
  return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

std::optional<std::uint64_t> BodyBytes(const httplib::Request& request) {
  if (request.get_header_value_count("Content-Length") != 1 ||
      request.has_header("Transfer-Encoding")) {
    return std::nullopt;
  }
  const std::string text = request.get_header_value("Content-Length");
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return bytes;
}

// The library closes a connection when an answer of no stated length fails to go on, and only then.
void AnswerAndClose(httplib::Response& out, const std::string& content_type, std::string body) {
  out.set_header("Connection", "close");
  out.body.clear();
  out.set_content_provider(content_type,
                           [body = std::move(body)](std::size_t, httplib::DataSink& sink) {
                             sink.write(body.data(), body.size());
                             return false;
                           });
}

}  // namespace embeddingsdb
