// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <limits>
#include <optional>

#include "embeddingsdb/limits.h"

#include "core/log.h"
#include "core/text.h"
#include "rpc/credentials.h"
#include "rpc/grpc_library.h"
#include "rpc/grpc_server.h"

namespace embeddingsdb {
namespace {

constexpr int kFirstReconnectMs = 100;
constexpr int kSlowestReconnectMs = 2'000;  // how late a server that came back may be noticed
// Go's servers cut off a client that pings an idle connection more often than every five minutes.
// While data is on its way the timeout below is what notices a dead peer.
constexpr int kKeepaliveMs = 320'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kReadAheadBytes = 4 * kStreamMessageBytes;  // of a stream, while we are busy

grpc::ChannelArguments Arguments(int max_bytes, bool loopback) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(max_bytes);
  arguments.SetMaxSendMessageSize(max_bytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // GRPC_ARG_MIN_RECONNECT_BACKOFF_MS is left alone: it is the time that connecting may take.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kSlowestReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAheadBytes);
  // A proxy named in the environment is never meant for this machine itself.
  if (loopback) {
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  }
  return arguments;
}

}  // namespace

Result<ClientChannel> OpenChannel(const Uri& uri, const Context& context) {
  EDB_TRY(uri.CheckOptions(kChannelOptions));
  if (uri.host().empty()) {
    return InvalidArgumentError(Concat("no host in ", uri.Redacted()));
  }
  const std::optional<std::uint16_t> port = uri.port();
  if (!port) {
    return InvalidArgumentError(Concat("no port in ", uri.Redacted()));
  }
  if (!uri.path().empty() && uri.path() != "/") {
    return InvalidArgumentError(Concat("a path makes no sense in ", uri.Redacted()));
  }
  EDB_ASSIGN(const std::string token, ReadToken(uri, *context.env));
  EDB_ASSIGN(const ClientTls tls, ReadClientTls(uri, *context.env));
  EDB_ASSIGN(const std::int64_t max_bytes,
             uri.IntOption("max-msg-size", kMaxMessageBytes, 1, std::numeric_limits<int>::max()));
  const bool loopback = IsLoopbackHost(uri.host());
  const std::string address = JoinHostPort(uri.host(), *port);
  if (!token.empty() && !tls.enabled && !loopback) {
    return InvalidArgumentError(
        Concat("token-uri without TLS would send the token in the clear to ", address,
               ": give tls-certificate"));
  }
  if (context.log != nullptr) {
    if (!tls.enabled) {
      context.log->Debug("Allow insecure connections");
    }
    if (tls.insecure && !token.empty()) {
      context.log->Warn("Sending the token to a server whose certificate is not checked",
                        {{"address", address}});
    }
  }
  KeepGrpcRunning();
  // The scheme is said, so that no host name is taken for one.
  return ClientChannel{
      .channel = grpc::CreateCustomChannel(Concat("dns:///", address), MakeChannelCredentials(tls),
                                           Arguments(static_cast<int>(max_bytes), loopback)),
      .address = address,
      .authorization = token.empty() ? std::string() : Concat("Bearer ", token)};
}

}  // namespace embeddingsdb
