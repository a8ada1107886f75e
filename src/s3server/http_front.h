// SPDX-License-Identifier: BSD-3-Clause
//
// HTTP/1.1 and HTTPS for the protocol: sockets and limits. cpp-httplib does the work; its types end
// in http_front.cc.
#ifndef EMBEDDINGSDB_S3SERVER_HTTP_FRONT_H_
#define EMBEDDINGSDB_S3SERVER_HTTP_FRONT_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "embeddingsdb/status.h"

#include "s3server/protocol.h"

namespace embeddingsdb {

struct HttpFrontOptions {
  std::string host;
  std::uint16_t port = 0;
  std::string certificate;
  std::string key;
  std::int64_t idle_seconds = 0;
  /// Without signatures a page in a browser of this machine could send requests: those that come
  /// from a page, or to another name than this machine's, are refused.
  bool open = false;
};

class HttpFront {
 public:
  HttpFront() = default;
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;
  virtual ~HttpFront() = default;

  virtual std::uint16_t port() const = 0;
  /// Answers until told to stop; then requests in flight are answered and connections closed.
  virtual Status Serve(const std::stop_token& stop) = 0;
};

/// Listens. Borrows the protocol. kUnavailable when it cannot, or certificate and key are of no
/// use.
Result<std::unique_ptr<HttpFront>> ListenHttpFront(const HttpFrontOptions& options,
                                                   S3Protocol& protocol);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_HTTP_FRONT_H_
