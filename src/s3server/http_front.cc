// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/http_front.h"

#include <httplib.h>
#include <optional>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "http/serving.h"
#include "rpc/credentials.h"
#include "rpc/grpc_server.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kThreads = kMaxCallsInFlight;  // one for each connection
constexpr int kReadSeconds = 30;
constexpr int kWriteSeconds = 30;
constexpr char kJson[] = "application/json";

bool IsOwnName(const std::string& header) {
  const std::size_t colon = header.rfind(':');
  std::string host = header.substr(0, header.ends_with(']') ? std::string::npos : colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  return IsLoopbackHost(AsciiLower(host));
}

class Front final : public HttpFront {
 public:
  Front(std::unique_ptr<httplib::Server> server, HttpFrontOptions options, S3Protocol& protocol)
      : server_(std::move(server)), options_(std::move(options)), protocol_(protocol) {}

  Status Listen();
  std::uint16_t port() const override { return options_.port; }
  Status Serve(const std::stop_token& stop) override;

 private:
  void PrepareSockets();
  void PrepareHandlers();
  std::optional<S3Response> Refusal(const httplib::Request& request) const;
  void Answer(const httplib::Request& request, httplib::Response& out);
  static void WriteHead(const S3Response& response, httplib::Response& out);
  static void Write(const S3Response& response, httplib::Response& out);
  static void WriteAndClose(S3Response response, httplib::Response& out);

  std::unique_ptr<httplib::Server> server_;
  HttpFrontOptions options_;  // port: the real one after Listen
  S3Protocol& protocol_;
};

/// What is said without a look at the body.
std::optional<S3Response> Front::Refusal(const httplib::Request& request) const {
  if (request.get_header_value_count("Host") != 1) {
    return protocol_.Refuse(400, "ValidationException", "The request needs one Host header");
  }
  if (options_.open && (!IsOwnName(request.get_header_value("Host")) ||
                        request.has_header("Origin") || request.has_header("Sec-Fetch-Site"))) {
    return protocol_.Refuse(
        403, "AccessDeniedException",
        "A server without keys takes requests of programs on this machine only, not of pages");
  }
  const std::optional<std::uint64_t> bytes =
      request.method == "POST" || HasBody(request) ? BodyBytes(request) : 0;
  if (!bytes) {
    return protocol_.Refuse(411, "MissingContentLength",
                            "The request needs one Content-Length and no Transfer-Encoding");
  }
  if (*bytes > kMaxS3RequestBytes) {
    return protocol_.Refuse(
        413, "RequestEntityTooLargeException",
        Concat("The body has ", *bytes, " bytes, the limit is ", kMaxS3RequestBytes));
  }
  if (request.has_header("Content-Encoding")) {
    return protocol_.Refuse(415, "UnsupportedMediaTypeException",
                            "A body with a Content-Encoding is not taken");
  }
  if (*bytes > 0 && request.method != "POST") {
    return protocol_.Refuse(400, "ValidationException",
                            Concat("A ", request.method, " has no body"));
  }
  return std::nullopt;
}

void Front::WriteHead(const S3Response& response, httplib::Response& out) {
  out.status = response.status;
  out.set_header("x-amzn-requestid", response.request_id);
  if (!response.error_type.empty()) {
    out.set_header("x-amzn-errortype", response.error_type);
  }
}

void Front::Write(const S3Response& response, httplib::Response& out) {
  WriteHead(response, out);
  out.set_content(response.body, kJson);
}

void Front::WriteAndClose(S3Response response, httplib::Response& out) {
  WriteHead(response, out);
  AnswerAndClose(out, kJson, std::move(response.body));
}

void Front::Answer(const httplib::Request& request, httplib::Response& out) {
  S3Request own{
      .method = request.method, .target = request.target, .headers = {}, .body = request.body};
  for (const auto& [name, value] : request.headers) {
    // The library adds where the request came from.
    if (name != "REMOTE_ADDR" && name != "REMOTE_PORT" && name != "LOCAL_ADDR" &&
        name != "LOCAL_PORT") {
      own.headers.emplace_back(name, value);
    }
  }
  Write(protocol_.Answer(own), out);
}

void Front::PrepareSockets() {
  server_->set_read_timeout(kReadSeconds);
  server_->set_write_timeout(kWriteSeconds);
  server_->set_keep_alive_timeout(options_.idle_seconds);
  server_->set_keep_alive_max_count(kMaxS3ConnectionRequests);
  server_->set_tcp_nodelay(true);
  server_->set_payload_max_length(kMaxS3RequestBytes);
  server_->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
}

void Front::PrepareHandlers() {
  using httplib::Request;
  using httplib::Response;
  server_->set_pre_routing_handler([this](const Request& request, Response& out) {
    std::optional<S3Response> refusal = Refusal(request);
    if (refusal) {
      WriteAndClose(*std::move(refusal), out);
      return httplib::Server::HandlerResponse::Handled;
    }
    if (request.method == "POST") {
      return httplib::Server::HandlerResponse::Unhandled;  // the body comes next
    }
    Answer(request, out);
    return httplib::Server::HandlerResponse::Handled;
  });
  // (.|\n)*: a dot stands for no line break, which a path may hold as an escape.
  server_->Post(R"([\s\S]*)",
                [this](const Request& request, Response& out) { Answer(request, out); });
  server_->set_error_handler([this](const Request& /*request*/, Response& out) {
    if (out.has_header("x-amzn-requestid")) {
      return;  // it is said already
    }
    WriteAndClose(protocol_.Refuse(out.status, "ValidationException", "Bad request"), out);
  });
  server_->set_exception_handler([this](const Request& /*request*/, Response& out,
                                        const std::exception_ptr&) {
    WriteAndClose(protocol_.Refuse(500, "InternalServerException", "Internal server error"), out);
  });
}

Status Front::Listen() {
  PrepareSockets();
  PrepareHandlers();
  const std::string host = options_.host.empty() ? "0.0.0.0" : options_.host;
  const std::optional<int> port = BindHttp(*server_, host, options_.port);
  if (!port) {
    return UnavailableError(
        Concat("cannot listen on ", JoinHostPort(options_.host, options_.port)));
  }
  options_.port = static_cast<std::uint16_t>(*port);
  return {};
}

Status Front::Serve(const std::stop_token& stop) {
  return ServeHttp(*server_, stop);
}

}  // namespace

Result<std::unique_ptr<HttpFront>> ListenHttpFront(const HttpFrontOptions& options,
                                                   S3Protocol& protocol) {
  std::unique_ptr<httplib::Server> library;
  if (options.certificate.empty()) {
    library = std::make_unique<httplib::Server>();
  } else {
    library =
        std::make_unique<httplib::SSLServer>(options.certificate.c_str(), options.key.c_str());
  }
  if (!library->is_valid()) {
    return UnavailableError("tls-certificate and tls-key cannot be used");
  }
  auto front = std::make_unique<Front>(std::move(library), options, protocol);
  EDB_TRY(front->Listen());
  return std::unique_ptr<HttpFront>(std::move(front));
}

}  // namespace embeddingsdb
