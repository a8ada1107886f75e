// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <httplib.h>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::array<std::string_view, 5> kOptions = {"cert", "key", "read_timeout",
                                                      "write_timeout", "idle_timeout"};
constexpr std::int64_t kMaxSeconds = 3'600;

/// What browsers are told about every answer (OWASP ASVS 5.0, V3.4).
const httplib::Headers& FixedHeaders() {
  static const httplib::Headers headers = {
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cache-Control", "no-store"},
  };
  return headers;
}

std::string ContentSecurityPolicy(const std::vector<std::string>& picture_origins) {
  std::string pictures;
  for (const std::string& origin :
       std::set<std::string>(picture_origins.begin(), picture_origins.end())) {
    pictures += Concat(" ", origin);
  }
  return Concat(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:", pictures,
      "; connect-src 'self'; form-action 'self'; base-uri 'none'; "
      "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'");
}

/// The host of "host:port" or "[address]:port", in lower case.
std::string HostOf(std::string_view header) {
  const std::size_t end = header.starts_with('[') ? header.find(']') : header.find(':');
  const std::size_t size = header.starts_with('[') && end != std::string_view::npos ? end + 1 : end;
  return AsciiLower(header.substr(0, size));
}

bool IsAddress(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string InBrackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : Concat("[", host, "]");
}

/// Which names of this server a request may use.
class HostRule {
 public:
  HostRule(const std::string& listens_on, const std::vector<std::string>& more) {
    const std::string host = AsciiLower(InBrackets(listens_on));
    allowed_.insert(host);
    for (const std::string& name : more) {
      allowed_.insert(AsciiLower(name));
    }
    any_address_ = host == "0.0.0.0" || host == "[::]";
    if (any_address_ || host == "localhost" || host == "127.0.0.1" || host == "[::1]") {
      allowed_.insert({"localhost", "127.0.0.1", "[::1]"});
    }
  }

  /// An address can be no stranger's name.
  bool Allows(const std::string& header) const {
    const std::string host = HostOf(header);
    return !host.empty() && (allowed_.contains(host) || (any_address_ && IsAddress(host)));
  }

 private:
  std::set<std::string> allowed_;
  bool any_address_ = false;
};

HttpResponse PlainResponse(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

class HttpServer final : public Server {
 public:
  HttpServer(std::unique_ptr<httplib::Server> server, HostRule hosts, HttpHandler handler)
      : server_(std::move(server)), hosts_(std::move(hosts)), handler_(std::move(handler)) {}

  Status Prepare(const Uri& uri);
  Status Bind(const Uri& uri);
  std::string address() const override { return address_; }
  Status Serve(std::stop_token stop) override;

 private:
  HttpResponse Answer(const httplib::Request& request) const;
  void Write(const httplib::Request& request, const HttpResponse& response,
             httplib::Response& out) const;

  std::unique_ptr<httplib::Server> server_;
  HostRule hosts_;
  HttpHandler handler_;
  std::string address_;
};

HttpResponse HttpServer::Answer(const httplib::Request& request) const {
  if (request.get_header_value_count("Host") != 1) {
    return PlainResponse(400, "Bad request\n");
  }
  if (!hosts_.Allows(request.get_header_value("Host"))) {
    return PlainResponse(421, "This server has another name\n");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return PlainResponse(405, "Method not allowed\n");
  }
  return handler_({.method = request.method,
                   .target = request.target,
                   .host = request.get_header_value("Host"),
                   .accept = request.get_header_value("Accept")});
}

void HttpServer::Write(const httplib::Request& request, const HttpResponse& response,
                       httplib::Response& out) const {
  out.status = response.status;
  for (const auto& [name, value] : FixedHeaders()) {
    out.set_header(name, value);
  }
  out.set_header("Content-Security-Policy", ContentSecurityPolicy(response.picture_origins));
  if (response.status == 405) {
    out.set_header("Allow", "GET, HEAD");
  }
  if (!response.location.empty()) {
    out.set_header("Location", response.location);
  }
  // A body that nobody reads must not be taken for the next request.
  if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding")) {
    out.set_header("Connection", "close");
  }
  out.set_content(response.body, response.content_type);
}

Status HttpServer::Prepare(const Uri& uri) {
  EDB_ASSIGN(const std::int64_t read, uri.IntOption("read_timeout", 2, 1, kMaxSeconds));
  EDB_ASSIGN(const std::int64_t write, uri.IntOption("write_timeout", 10, 1, kMaxSeconds));
  EDB_ASSIGN(const std::int64_t idle, uri.IntOption("idle_timeout", 15, 1, kMaxSeconds));
  server_->set_read_timeout(read);
  server_->set_write_timeout(write);
  server_->set_keep_alive_timeout(idle);
  server_->set_keep_alive_max_count(kMaxHttpRequests);
  server_->set_tcp_nodelay(true);
  // The library's own choice lets two processes listen on one port.
  server_->set_socket_options([](socket_t socket) {
    const int yes = 1;
    static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
  });
  server_->set_payload_max_length(0);
  server_->new_task_queue = [] { return new httplib::ThreadPool(kMaxHttpConnections); };
  server_->set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& out) {
    Write(request, Answer(request), out);
    return httplib::Server::HandlerResponse::Handled;
  });
  // What the library refuses by itself, a malformed request above all.
  server_->set_error_handler([this](const httplib::Request& request, httplib::Response& out) {
    if (out.body.empty()) {
      Write(request, PlainResponse(out.status, "Bad request\n"), out);
    }
  });
  server_->set_exception_handler(
      [this](const httplib::Request& request, httplib::Response& out, const std::exception_ptr&) {
        Write(request, PlainResponse(500, "Internal server error\n"), out);
      });
  return {};
}

Status HttpServer::Bind(const Uri& uri) {
  const std::string host = uri.host().empty() ? "localhost" : uri.host();
  const int wanted = uri.port().value_or(uri.scheme() == "https" ? 443 : 80);
  const int port = wanted == 0                           ? server_->bind_to_any_port(host)
                   : server_->bind_to_port(host, wanted) ? wanted
                                                         : -1;
  if (port < 0) {
    return UnavailableError(Concat("cannot listen on ", InBrackets(host), ":", wanted));
  }
  address_ = Concat(uri.scheme(), "://", InBrackets(host), ":", port);
  return {};
}

Status HttpServer::Serve(std::stop_token stop) {
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
      server_->stop();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const bool listened = server_->listen_after_bind();
  {
    const std::lock_guard lock(mutex);
    ended.store(true);
  }
  wake.notify_all();
  return listened || stop.stop_requested() ? Status() : UnavailableError("the server gave up");
}

}  // namespace

Result<std::unique_ptr<Server>> ListenHttp(const HttpServerOptions& options, HttpHandler handler) {
  const Uri& uri = options.uri;
  if (uri.scheme() != "http" && uri.scheme() != "https") {
    return InvalidArgumentError(
        Concat("the server's URI has the scheme ", Quote(uri.scheme()), ", not http or https"));
  }
  EDB_TRY(uri.CheckOptions(kOptions));
  std::unique_ptr<httplib::Server> library;
  if (uri.scheme() == "https") {
    const std::string cert = uri.Option("cert").value_or("");
    const std::string key = uri.Option("key").value_or("");
    if (cert.empty() || key.empty()) {
      return InvalidArgumentError("https needs the options cert and key");
    }
    library = std::make_unique<httplib::SSLServer>(cert.c_str(), key.c_str());
  } else {
    library = std::make_unique<httplib::Server>();
  }
  if (!library->is_valid()) {
    return UnavailableError("certificate and key cannot be used");
  }
  auto server = std::make_unique<HttpServer>(
      std::move(library),
      HostRule(uri.host().empty() ? "localhost" : uri.host(), options.allowed_hosts),
      std::move(handler));
  EDB_TRY(server->Prepare(uri));
  EDB_TRY(server->Bind(uri));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace embeddingsdb
