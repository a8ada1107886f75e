// SPDX-License-Identifier: BSD-3-Clause
//
// HttpClient: one HTTP request and its answer over connections that are kept.
#ifndef EMBEDDINGSDB_AWS_HTTP_CLIENT_H_
#define EMBEDDINGSDB_AWS_HTTP_CLIENT_H_

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "core/curl_handles.h"

namespace embeddingsdb {

struct OutgoingRequest {
  std::string method = "POST";
  std::string url;                                           ///< http:// or https://
  std::vector<std::pair<std::string, std::string>> headers;  ///< beside Host and Content-Length
  std::string_view body = {};                                ///< borrowed
  int connect_seconds = 0;
  int seconds = 0;  ///< of the whole request
};

struct HttpAnswer {
  long status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case; of equal names the last
  std::string body;
};

struct HttpClientOptions {
  std::size_t connections = 1;       ///< side by side; further requests wait for one
  std::size_t max_answer_bytes = 0;  ///< of a body
  std::string ca_file = {};          ///< PEM certificates to trust instead of the system's
};

/// The Host header of a request to `uri`: with the port where that is not the scheme's own.
std::string HostHeader(const Uri& uri);

/// Safe for concurrent use.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options) : options_(std::move(options)) {}
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() = default;

  /// The answer, whatever its status. Redirects are not followed, certificates are checked, and a
  /// proxy of the environment is not asked for this machine itself. kUnavailable when the server
  /// cannot be reached, is not trusted or breaks off; kDeadlineExceeded; kInternal for a body
  /// longer than the limit. Messages hold neither headers nor bodies.
  Result<HttpAnswer> Send(const OutgoingRequest& request);

 private:
  /// A libcurl handle, with its open connection, for one request.
  class Lease;

  CurlPtr Take();
  void GiveBack(CurlPtr handle);

  const CurlLibrary library_;
  const HttpClientOptions options_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<CurlPtr> idle_;
  std::size_t in_use_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_HTTP_CLIENT_H_
