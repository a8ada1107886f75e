// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/http_server.h"

#include <algorithm>
#include <array>
#include <httplib.h>
#include <optional>
#include <set>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "http/serving.h"

namespace embeddingsdb {
namespace {

constexpr std::array<std::string_view, 5> kOptions = {"cert", "key", "read_timeout",
                                                      "write_timeout", "idle_timeout"};

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

/// True when a form was sent by a page of this server, or by no page at all. Every browser sends
/// Sec-Fetch-Site to https and to this machine; our pages have no referrer, so their Origin is
/// "null" and says nothing.
bool IsOwnForm(const httplib::Request& request) {
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  if (!site.empty()) {
    return site == "same-origin" || site == "none";
  }
  const std::string origin = request.get_header_value("Origin");
  const std::string host = request.get_header_value("Host");
  return origin.empty() || origin == Concat("http://", host) || origin == Concat("https://", host);
}

HttpRequest RequestOf(const httplib::Request& request) {
  HttpRequest own{.method = request.method,
                  .target = request.target,
                  .host = request.get_header_value("Host"),
                  .accept = request.get_header_value("Accept")};
  for (const auto& [name, field] : request.files) {
    own.form.push_back({.name = name, .content = field.content});
  }
  return own;
}

class HttpServer final : public Server {
 public:
  HttpServer(std::unique_ptr<httplib::Server> server, const HttpServerOptions& options,
             HttpHandler handler)
      : server_(std::move(server)),
        hosts_(options.uri.host().empty() ? "localhost" : options.uri.host(),
               options.allowed_hosts),
        form_paths_(options.form_paths),
        max_form_bytes_(options.max_form_bytes),
        handler_(std::move(handler)) {}

  Status Prepare(const Uri& uri);
  Status Bind(const Uri& uri);
  std::string address() const override { return address_; }
  Status Serve(std::stop_token stop) override;

 private:
  void PrepareSockets();
  void PrepareHandlers();
  bool IsForm(const httplib::Request& request) const;
  HttpResponse TooLarge() const;
  std::optional<HttpResponse> Refusal(const httplib::Request& request) const;
  void Write(const HttpResponse& response, httplib::Response& out) const;
  void WriteAndClose(const HttpResponse& response, httplib::Response& out) const;

  std::unique_ptr<httplib::Server> server_;
  HostRule hosts_;
  std::vector<std::string> form_paths_;
  std::int64_t max_form_bytes_;
  HttpHandler handler_;
  std::string address_;
};

bool HttpServer::IsForm(const httplib::Request& request) const {
  return request.method == "POST" &&
         std::ranges::find(form_paths_, request.target.substr(0, request.target.find('?'))) !=
             form_paths_.end();
}

HttpResponse HttpServer::TooLarge() const {
  return PlainResponse(413, Concat("The form is larger than ", max_form_bytes_, " bytes\n"));
}

/// What is said without a look at the body.
std::optional<HttpResponse> HttpServer::Refusal(const httplib::Request& request) const {
  if (request.get_header_value_count("Host") != 1) {
    return PlainResponse(400, "Bad request\n");
  }
  if (!hosts_.Allows(request.get_header_value("Host"))) {
    return PlainResponse(421, "This server has another name\n");
  }
  if (request.method == "GET" || request.method == "HEAD") {
    return std::nullopt;
  }
  if (!IsForm(request)) {
    return PlainResponse(405, "Method not allowed\n");
  }
  if (!IsOwnForm(request)) {
    return PlainResponse(403, "Forms of other sites are not taken\n");
  }
  const std::optional<std::uint64_t> bytes = BodyBytes(request);
  if (!bytes) {
    return PlainResponse(411, "Length required\n");
  }
  if (*bytes > static_cast<std::uint64_t>(max_form_bytes_)) {
    return PlainResponse(
        413, Concat("The form has ", *bytes, " bytes, which is more than ", max_form_bytes_, "\n"));
  }
  // Unpacked it could be of any size.
  if (!request.is_multipart_form_data() || request.has_header("Content-Encoding")) {
    return PlainResponse(415, "Unsupported media type\n");
  }
  return std::nullopt;
}

void HttpServer::Write(const HttpResponse& response, httplib::Response& out) const {
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
  out.set_content(response.body, response.content_type);
}

void HttpServer::WriteAndClose(const HttpResponse& response, httplib::Response& out) const {
  Write(response, out);
  AnswerAndClose(out, response.content_type, response.body);
}

Status HttpServer::Prepare(const Uri& uri) {
  EDB_ASSIGN(const std::int64_t read, uri.IntOption("read_timeout", 2, 1, kMaxHttpSeconds));
  EDB_ASSIGN(const std::int64_t write, uri.IntOption("write_timeout", 10, 1, kMaxHttpSeconds));
  EDB_ASSIGN(const std::int64_t idle, uri.IntOption("idle_timeout", 15, 1, kMaxHttpSeconds));
  server_->set_read_timeout(read);
  server_->set_write_timeout(write);
  server_->set_keep_alive_timeout(idle);
  PrepareSockets();
  PrepareHandlers();
  return {};
}

void HttpServer::PrepareSockets() {
  server_->set_keep_alive_max_count(kMaxHttpRequests);
  server_->set_tcp_nodelay(true);
  server_->set_payload_max_length(static_cast<std::size_t>(max_form_bytes_));
  server_->new_task_queue = [] { return new httplib::ThreadPool(kMaxHttpConnections); };
}

void HttpServer::PrepareHandlers() {
  using httplib::Request;
  using httplib::Response;
  server_->set_pre_routing_handler([this](const Request& request, Response& out) {
    const std::optional<HttpResponse> refusal = Refusal(request);
    if (!refusal && IsForm(request)) {
      return httplib::Server::HandlerResponse::Unhandled;  // the body comes next
    }
    const HttpResponse response = refusal ? *refusal : handler_(RequestOf(request));
    if (HasBody(request)) {
      WriteAndClose(response, out);
    } else {
      Write(response, out);
    }
    return httplib::Server::HandlerResponse::Handled;
  });
  for (const std::string& path : form_paths_) {
    server_->Post(path, [this](const Request& request, Response& out) {
      Write(handler_(RequestOf(request)), out);
    });
  }
  // What the library refuses by itself: a form that is too large, which it has read to its end, or
  // a malformed request.
  server_->set_error_handler([this](const Request& /*request*/, Response& out) {
    if (!out.body.empty() || out.has_header("Connection")) {
      return;  // it is said already
    }
    if (out.status == 413) {
      Write(TooLarge(), out);
    } else {
      WriteAndClose(PlainResponse(out.status, "Bad request\n"), out);
    }
  });
  server_->set_exception_handler(
      [this](const Request& /*request*/, Response& out, const std::exception_ptr&) {
        WriteAndClose(PlainResponse(500, "Internal server error\n"), out);
      });
}

Status HttpServer::Bind(const Uri& uri) {
  const std::string host = uri.host().empty() ? "localhost" : uri.host();
  const int wanted = uri.port().value_or(uri.scheme() == "https" ? 443 : 80);
  const std::optional<int> port = BindHttp(*server_, host, wanted);
  if (!port) {
    return UnavailableError(Concat("cannot listen on ", InBrackets(host), ":", wanted));
  }
  address_ = Concat(uri.scheme(), "://", InBrackets(host), ":", *port);
  return {};
}

Status HttpServer::Serve(std::stop_token stop) {
  return ServeHttp(*server_, stop);
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
  auto server = std::make_unique<HttpServer>(std::move(library), options, std::move(handler));
  EDB_TRY(server->Prepare(uri));
  EDB_TRY(server->Bind(uri));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace embeddingsdb
