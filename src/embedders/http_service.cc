// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/http_service.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "rpc/credentials.h"

namespace embeddingsdb {
namespace {

// Where the body goes, and whether it became too long.
struct Sink {
  std::string body;
  bool too_long = false;
};

std::size_t Collect(char* data, std::size_t, std::size_t size, void* user) {
  Sink& sink = *static_cast<Sink*>(user);
  if (size > kMaxEmbedderAnswerBytes - sink.body.size()) {
    sink.too_long = true;
    return 0;
  }
  sink.body.append(data, size);
  return size;
}

Status CheckClientUri(const Uri& client) {
  if (client.scheme() != "http" && client.scheme() != "https") {
    return InvalidArgumentError(
        Concat("client-uri ", Quote(client.Redacted()), " is neither http:// nor https://"));
  }
  if (client.host().empty()) {
    return InvalidArgumentError(Concat("no host in client-uri ", Quote(client.Redacted())));
  }
  // Only user information has an '@' before the path: in a host it would be escaped.
  const std::string text = client.Serialize();
  const std::size_t host = text.find("://") + 3;
  if (text.substr(host, text.find_first_of("/?", host) - host).find('@') != std::string::npos) {
    return InvalidArgumentError(Concat("client-uri ", Quote(client.Redacted()),
                                       " has user information; a token goes into token-uri"));
  }
  return client.CheckOptions({});
}

std::string WithoutSlashAtEnd(std::string text) {
  while (text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

Status CheckCertificates(const std::string& path, Env& env) {
  if (path.empty() || env.Exists(path)) {
    return {};
  }
  return NotFoundError(Concat("tls-ca-certificate: no file ", Quote(path)));
}

Status StatusOfTransfer(CURLcode code, const Sink& sink, int seconds) {
  if (sink.too_long || code == CURLE_FILESIZE_EXCEEDED) {
    return InternalError(
        Concat("the answer is longer than the limit of ", kMaxEmbedderAnswerBytes, " bytes"));
  }
  switch (code) {
    case CURLE_OK:
      return {};
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceededError(
          Concat("no whole answer in the ", seconds, " seconds of timeout"));
    case CURLE_PEER_FAILED_VERIFICATION:
      return UnavailableError("the server's certificate is not trusted");
    case CURLE_SSL_CACERT_BADFILE:
      return InvalidArgumentError("tls-ca-certificate holds no PEM certificate");
    default:
      return UnavailableError(curl_easy_strerror(code));
  }
}

StatusCode CodeOfAnswer(long http_status) {
  switch (http_status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return StatusCode::kInvalidArgument;
    case 401:
      return StatusCode::kUnauthenticated;
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
    case 405:
    case 501:
      return StatusCode::kUnimplemented;
    case 429:
      return StatusCode::kUnavailable;
    default:
      return http_status >= 500 ? StatusCode::kUnavailable : StatusCode::kInternal;
  }
}

}  // namespace

Result<std::string> ClientUriOption(const Uri& uri, std::string_view default_uri) {
  const auto client = uri.Option("client-uri");
  const auto server = uri.Option("server-uri");
  if (client && server) {
    return InvalidArgumentError("client-uri and server-uri are two names of one option");
  }
  std::string given = client ? *client : server.value_or("");
  if (given.empty()) {
    given = default_uri;
  }
  if (given.empty()) {
    return InvalidArgumentError(Concat(uri.scheme(), ":// needs client-uri"));
  }
  return given;
}

Result<int> TimeoutOption(const Uri& uri) {
  EDB_ASSIGN(const std::int64_t seconds,
             uri.IntOption("timeout", kEmbedderSeconds, 1, kMaxEmbedderSeconds));
  return static_cast<int>(seconds);
}

Result<std::unique_ptr<HttpService>> HttpService::Open(const Uri& uri, const Context& context,
                                                       const HttpServiceKind& kind) {
  std::vector<std::string_view> known = {"client-uri", "server-uri", "token-uri", "timeout",
                                         "tls-ca-certificate"};
  if (kind.has_model) {
    known.emplace_back("model");
  }
  EDB_TRY(uri.CheckOptions(known));
  if (!uri.FilePath().empty()) {
    return InvalidArgumentError(Concat(kind.name, ":// has a host or a path; the service is named ",
                                       "by client-uri, as in ", kind.name,
                                       "://?client-uri=http://localhost:8080"));
  }
  EDB_ASSIGN(const std::string text, ClientUriOption(uri, kind.default_uri));
  EDB_ASSIGN(const Uri client, Uri::Parse(text));
  EDB_TRY(CheckClientUri(client));
  std::unique_ptr<HttpService> service(new HttpService());
  EDB_ASSIGN(service->seconds_, TimeoutOption(uri));
  EDB_ASSIGN(service->token_, ReadToken(uri, *context.env));
  service->base_ = WithoutSlashAtEnd(client.Serialize());
  service->at_root_ = WithoutSlashAtEnd(client.path()).empty();
  service->loopback_ = IsLoopbackHost(client.host());
  service->name_ = Concat(kind.name, " at ", service->base_);
  service->ca_file_ = uri.Option("tls-ca-certificate").value_or("");
  EDB_TRY(CheckCertificates(service->ca_file_, *context.env));
  if (!service->token_.empty() && client.scheme() == "http" && !service->loopback_) {
    return InvalidArgumentError(
        Concat("token-uri without TLS would send the token in the clear to ", service->base_,
               ": give a client-uri of https://"));
  }
  return service;
}

void HttpService::SetOptions(CURL* curl, const std::string& json) const {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                   static_cast<long>(std::min(seconds_, kEmbedderConnectSeconds)));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(seconds_));
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
                   static_cast<curl_off_t>(kMaxEmbedderAnswerBytes));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "embeddingsdb");
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json.c_str());
  // A proxy named in the environment is never meant for this machine itself.
  if (loopback_) {
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
  }
  if (!ca_file_.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file_.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
}

Result<std::string> HttpService::Post(std::string_view path, const std::string& json) const {
  const CurlPtr curl(curl_easy_init());
  if (curl == nullptr) {
    return InternalError("libcurl cannot be started");
  }
  const std::string url = Concat(base_, path);
  const std::string authorization = Concat("Authorization: Bearer ", token_);
  CurlListPtr headers;
  // Without "Expect:" libcurl waits a second for a server's leave to send a picture.
  for (const char* header : {"Content-Type: application/json", "Accept: application/json",
                             "Expect:", authorization.c_str()}) {
    if (header != authorization.c_str() || !token_.empty()) {
      headers.reset(curl_slist_append(headers.release(), header));
    }
  }
  Sink sink;
  SetOptions(curl.get(), json);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &sink);
  const CURLcode code = curl_easy_perform(curl.get());
  EDB_TRY(StatusOfTransfer(code, sink, seconds_));
  long http_status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &http_status);
  EDB_TRY(StatusOfAnswer(http_status, sink.body));
  return std::move(sink.body);
}

Result<EmbedderAnswer> HttpService::Ask(std::string_view path, const std::string& json,
                                        const AnswerShape& shape) const {
  EDB_ASSIGN(const std::string body, Post(path, json));
  Result<EmbedderAnswer> answer = ReadAnswer(body, shape);
  if (!answer.ok() && (RepeatsToken(body) || RepeatsToken(answer.status().message()))) {
    return InternalError("the answer is no embedding, and repeats the token");
  }
  return answer;
}

bool HttpService::RepeatsToken(std::string_view text) const {
  return !token_.empty() && text.find(token_) != std::string_view::npos;
}

Status HttpService::StatusOfAnswer(long http_status, const std::string& body) const {
  if (http_status == 200) {
    return {};
  }
  std::string message = Concat("HTTP status ", http_status);
  if (http_status >= 300 && http_status < 400) {
    return InternalError(Concat(message, " is a redirect, which is not followed"));
  }
  const StatusCode code = CodeOfAnswer(http_status);
  const bool about_token =
      code == StatusCode::kUnauthenticated || code == StatusCode::kPermissionDenied;
  const std::string said = about_token || RepeatsToken(body) ? std::string() : ErrorOfAnswer(body);
  if (!said.empty()) {
    message += Concat(", it says ", Quote(said));
  }
  return {code, std::move(message)};
}

}  // namespace embeddingsdb
