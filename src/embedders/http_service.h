// SPDX-License-Identifier: BSD-3-Clause
//
// HttpService: a server that answers JSON to JSON, and how an embedder's URI names it.
#ifndef EMBEDDINGSDB_EMBEDDERS_HTTP_SERVICE_H_
#define EMBEDDINGSDB_EMBEDDERS_HTTP_SERVICE_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/registry.h"

#include "core/curl_handles.h"
#include "embedders/embedder_answer.h"

namespace embeddingsdb {

/// What a kind of service is called and where it usually is.
struct HttpServiceKind {
  std::string_view name;         ///< in messages: the scheme without its width
  std::string_view default_uri;  ///< empty: `client-uri` must be given
  bool has_model = false;        ///< takes the option `model`
};

/// The option `client-uri`, which may also be called `server-uri`; the kind's default without one.
/// kInvalidArgument when it is given by both names or not at all.
Result<std::string> ClientUriOption(const Uri& uri, std::string_view default_uri);

/// Where the service of a gRPC or HTTP embedder answers: the option `timeout`, in seconds.
Result<int> TimeoutOption(const Uri& uri);

/// Safe for concurrent use; a connection a request.
class HttpService {
 public:
  /// Reads `client-uri=http[s]://HOST[:PORT][/PATH]`, `token-uri`, `timeout` and
  /// `tls-ca-certificate` of an embedder's URI. Does not connect yet. A token over plaintext is
  /// refused unless the host is the loopback address.
  static Result<std::unique_ptr<HttpService>> Open(const Uri& uri, const Context& context,
                                                   const HttpServiceKind& kind);

  /// "ollama at http://localhost:11434", without secrets.
  const std::string& name() const { return name_; }
  /// True when `client-uri` has no path.
  bool at_root() const { return at_root_; }

  /// Sends a JSON text to `path`, which goes after the path of `client-uri`, and gives the body of
  /// an answer 200. Redirects are not followed. kUnavailable when the server cannot be reached or
  /// breaks off, and for 429 and 5xx; kDeadlineExceeded; kUnauthenticated (401), kPermissionDenied
  /// (403); kUnimplemented when it has no such path, method or model (404, 405, 501);
  /// kInvalidArgument when it refuses what it was sent (400, 413, 415, 422); kInternal for every
  /// other answer and one of more than kMaxEmbedderAnswerBytes.
  Result<std::string> Post(std::string_view path, const std::string& json) const;

  /// Post and ReadAnswer.
  Result<EmbedderAnswer> Ask(std::string_view path, const std::string& json,
                             const AnswerShape& shape) const;

 private:
  HttpService() = default;
  Status StatusOfAnswer(long http_status, const std::string& body) const;
  /// Services that refuse a token like to say which it was.
  bool RepeatsToken(std::string_view text) const;
  void SetOptions(CURL* curl, const std::string& json) const;

  const CurlLibrary library_;
  std::string name_;
  std::string base_;  // without a slash at its end
  bool at_root_ = true;
  bool loopback_ = false;
  std::string token_;
  std::string ca_file_;
  int seconds_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_HTTP_SERVICE_H_
