// SPDX-License-Identifier: BSD-3-Clause
//
// A channel to a gRPC server, made from a URI: what clients of databases and of embedders share.
#ifndef EMBEDDINGSDB_RPC_CHANNEL_H_
#define EMBEDDINGSDB_RPC_CHANNEL_H_

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/registry.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace embeddingsdb {

inline constexpr auto kChannelOptions = std::to_array<std::string_view>(
    {"token-uri", "tls-certificate", "tls-ca-certificate", "tls-insecure", "tls-client-certificate",
     "tls-client-key", "max-msg-size"});

struct ClientChannel {
  std::shared_ptr<grpc::Channel> channel;
  std::string address;        ///< host:port
  std::string authorization;  ///< what each call must carry as `authorization`; empty: nothing
};

/// Reads `grpc://HOST:PORT?token-uri=&tls-certificate=&tls-ca-certificate=&tls-insecure=
/// &tls-client-certificate=&tls-client-key=&max-msg-size=`. Does not connect yet. A token over
/// plaintext is refused unless the host is the loopback address.
Result<ClientChannel> OpenChannel(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_CHANNEL_H_
