// SPDX-License-Identifier: BSD-3-Clause
//
// The server of grpc:// URIs: both services, health and reflection over one Database. With a token,
// every method of the services needs it and reflection is off; health is always open, as it tells
// nothing and load balancers have no token.
#ifndef EMBEDDINGSDB_RPC_GRPC_SERVER_H_
#define EMBEDDINGSDB_RPC_GRPC_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "embeddingsdb/database.h"
#include "embeddingsdb/limits.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/server.h"
#include "embeddingsdb/uri.h"

#include "rpc/credentials.h"

namespace embeddingsdb {

struct GrpcServerOptions {
  std::string host;        ///< empty: all interfaces
  std::uint16_t port = 0;  ///< 0: a free one
  std::string token;       ///< empty: everyone may call
  ServerTls tls;
  bool allow_plaintext = false;  ///< listen beyond loopback without TLS and token
  int max_receive_bytes = kMaxMessageBytes;

  // Not in the URI; tests change them.
  bool serve_v1 = true;  ///< false: what a go-embeddingsdb server offers
  std::size_t max_answer_bytes = kMaxMessageBytes;
  std::chrono::milliseconds drain = std::chrono::seconds(kDrainSeconds);
  std::chrono::milliseconds watchdog_interval = std::chrono::seconds(1);
  std::chrono::milliseconds probe_timeout = std::chrono::seconds(2);

  /// Reads `grpc://HOST:PORT?token-uri=&tls-certificate=&tls-key=&tls-client-ca=&max-msg-size=
  /// &allow-plaintext=` (and leaves `database-uri` alone). Refuses unknown options, and an address
  /// beyond loopback without TLS and token.
  static Result<GrpcServerOptions> FromUri(const Uri& uri, Env& env);
};

/// Starts to listen and answers calls from then on; Serve keeps watch over it and drains it.
/// kUnavailable when the address cannot be listened on.
Result<std::unique_ptr<Server>> StartGrpcServer(const GrpcServerOptions& options,
                                                std::unique_ptr<Database> database,
                                                const Context& context);

/// The factory: opens `database-uri` and starts a server for it.
Result<std::unique_ptr<Server>> OpenGrpcServer(const Uri& uri, const Context& context);

/// "host:port", with brackets around an IPv6 address.
std::string JoinHostPort(const std::string& host, std::uint16_t port);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_GRPC_SERVER_H_
