// SPDX-License-Identifier: BSD-3-Clause
#include "aws/http_client.h"

#include <cstddef>
#include <cstdint>

#include "core/loopback.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Where an answer goes, and whether it became too long.
struct Sink {
  HttpAnswer answer;
  std::size_t limit = 0;
  bool too_long = false;
};

std::size_t CollectBody(char* data, std::size_t, std::size_t size, void* user) {
  Sink& sink = *static_cast<Sink*>(user);
  if (size > sink.limit - sink.answer.body.size()) {
    sink.too_long = true;
    return 0;
  }
  sink.answer.body.append(data, size);
  return size;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::size_t CollectHeader(char* data, std::size_t, std::size_t size, void* user) {
  Sink& sink = *static_cast<Sink*>(user);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {
    sink.answer.headers.clear();  // those before were of "100 Continue"
    return size;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    sink.answer.headers[AsciiLower(line.substr(0, colon))] = Trim(line.substr(colon + 1));
  }
  return size;
}

Status StatusOfTransfer(CURLcode code, const Sink& sink, int seconds) {
  if (sink.too_long || code == CURLE_FILESIZE_EXCEEDED) {
    return InternalError(Concat("the answer is longer than the limit of ", sink.limit, " bytes"));
  }
  switch (code) {
    case CURLE_OK:
      return {};
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceededError(Concat("no whole answer in ", seconds, " seconds"));
    case CURLE_PEER_FAILED_VERIFICATION:
      return UnavailableError("the server's certificate is not trusted");
    case CURLE_SSL_CACERT_BADFILE:
      return InvalidArgumentError("AWS_CA_BUNDLE names no file of PEM certificates");
    default:
      return UnavailableError(curl_easy_strerror(code));
  }
}

void SetLimits(CURL* curl, const OutgoingRequest& request, const HttpClientOptions& options) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_seconds));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(request.seconds));
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
                   static_cast<curl_off_t>(options.max_answer_bytes));
  const Result<Uri> url = Uri::Parse(request.url);
  if (url.ok() && IsLoopbackHost(url->host())) {
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
  }
  if (!options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
}

void SetBody(CURL* curl, const OutgoingRequest& request) {
  if (request.method == "GET") {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    return;
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
}

// Without "Expect:" libcurl waits a second for a server's leave to send a long body, and without
// "Content-Type:" it would make one up.
CurlListPtr HeaderList(const OutgoingRequest& request) {
  CurlListPtr list(curl_slist_append(nullptr, "Expect:"));
  bool typed = false;
  for (const auto& [name, value] : request.headers) {
    typed = typed || AsciiLower(name) == "content-type";
    list.reset(curl_slist_append(list.release(), Concat(name, ": ", value).c_str()));
  }
  if (!typed) {
    list.reset(curl_slist_append(list.release(), "Content-Type:"));
  }
  return list;
}

}  // namespace

std::string HostHeader(const Uri& uri) {
  const std::string host =
      uri.host().find(':') == std::string::npos ? uri.host() : Concat("[", uri.host(), "]");
  const std::uint16_t usual = uri.scheme() == "https" ? 443 : 80;
  const std::uint16_t port = uri.port().value_or(usual);
  return port == usual ? host : Concat(host, ":", port);
}

class HttpClient::Lease {
 public:
  explicit Lease(HttpClient& client) : client_(client), handle_(client.Take()) {}
  ~Lease() { client_.GiveBack(std::move(handle_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  CURL* get() const { return handle_.get(); }

 private:
  HttpClient& client_;
  CurlPtr handle_;
};

CurlPtr HttpClient::Take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return in_use_ < options_.connections; });
  ++in_use_;
  if (idle_.empty()) {
    return CurlPtr(curl_easy_init());
  }
  CurlPtr handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpClient::GiveBack(CurlPtr handle) {
  {
    const std::lock_guard lock(mutex_);
    --in_use_;
    if (handle != nullptr) {
      curl_easy_reset(handle.get());  // forgets the request, keeps the connection
      idle_.push_back(std::move(handle));
    }
  }
  returned_.notify_one();
}

Result<HttpAnswer> HttpClient::Send(const OutgoingRequest& request) {
  const Lease lease(*this);
  CURL* const curl = lease.get();
  if (curl == nullptr) {
    return InternalError("libcurl cannot be started");
  }
  const CurlListPtr headers = HeaderList(request);
  Sink sink{.answer = {}, .limit = options_.max_answer_bytes};
  SetLimits(curl, request, options_);
  SetBody(curl, request);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "embeddingsdb");
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &CollectHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &sink);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &CollectBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  const CURLcode code = curl_easy_perform(curl);
  EDB_TRY(StatusOfTransfer(code, sink, request.seconds));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &sink.answer.status);
  return std::move(sink.answer);
}

}  // namespace embeddingsdb
