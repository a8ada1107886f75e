// SPDX-License-Identifier: BSD-3-Clause
//
// What our HTTP servers have in common: how a server of cpp-httplib listens, ends, and closes a
// connection whose request it has not read.
#ifndef EMBEDDINGSDB_HTTP_SERVING_H_
#define EMBEDDINGSDB_HTTP_SERVING_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "embeddingsdb/status.h"

namespace httplib {
class Server;
struct Request;
struct Response;
}  // namespace httplib

namespace embeddingsdb {

/// Listens on a port of its own: a second process is refused it. The real port, which is a free one
/// when `port` is 0; nothing when it cannot be had.
std::optional<int> BindHttp(httplib::Server& server, const std::string& host, int port);

/// Serves until `stop` is requested; requests in flight are answered. kUnavailable when the server
/// ends by itself.
Status ServeHttp(httplib::Server& server, const std::stop_token& stop);

/// Whether a request says that it has a body.
bool HasBody(const httplib::Request& request);
/// The size that it says its body has. Nothing when it does not say it plainly: with one
/// Content-Length, and without a Transfer-Encoding.
std::optional<std::uint64_t> BodyBytes(const httplib::Request& request);

/// Answers a request whose body nobody has read: what is left of it must not be taken for the next
/// request, so the connection is closed. Status and headers stay as they are.
void AnswerAndClose(httplib::Response& out, const std::string& content_type, std::string body);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_HTTP_SERVING_H_
