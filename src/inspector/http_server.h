// SPDX-License-Identifier: BSD-3-Clause
//
// HTTP/1.1 and HTTPS for the inspector: sockets, limits, and the headers that every answer has.
// cpp-httplib does the work; its types end in http_server.cc.
#ifndef EMBEDDINGSDB_INSPECTOR_HTTP_SERVER_H_
#define EMBEDDINGSDB_INSPECTOR_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/server.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "inspector/http.h"

namespace embeddingsdb {

struct HttpServerOptions {
  /// http://HOST:PORT, https://HOST:PORT?cert=FILE&key=FILE; and in seconds read_timeout (2),
  /// write_timeout (10), idle_timeout (15). Port 0 is any that is free.
  Uri uri;
  /// Names beside those of the address under which browsers may ask. Another one is refused (421),
  /// or a page of a stranger could read this server by a name of its own (DNS rebinding).
  std::vector<std::string> allowed_hosts = {};
  /// Paths to which forms may be posted, in the characters of a plain path; others take GET and
  /// HEAD only. A page of another site may not post (Sec-Fetch-Site, Origin).
  std::vector<std::string> form_paths = {};
  std::int64_t max_form_bytes = kDefaultUploadBytes;  ///< of a whole form
};

/// Answers one request; called from several threads, for GET, HEAD, and POST to a form path.
using HttpHandler = std::function<HttpResponse(const HttpRequest& request)>;

/// A server that listens. kInvalidArgument for a URI that is not as above, kUnavailable when the
/// address cannot be listened on or certificate and key cannot be used.
/// Its address() begins with "http://" or "https://".
Result<std::unique_ptr<Server>> ListenHttp(const HttpServerOptions& options, HttpHandler handler);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_HTTP_SERVER_H_
