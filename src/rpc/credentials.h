// SPDX-License-Identifier: BSD-3-Clause
//
// Tokens and certificates of both ends of a gRPC connection, read from the options of its URI.
#ifndef EMBEDDINGSDB_RPC_CREDENTIALS_H_
#define EMBEDDINGSDB_RPC_CREDENTIALS_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"
#include "core/loopback.h"  // IWYU pragma: export

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace embeddingsdb {

/// The shared token that the option `token-uri` leads to, without surrounding white space. Empty
/// when the option is absent or empty; kInvalidArgument when it leads to an empty token, or to one
/// that cannot travel in a header.
Result<std::string> ReadToken(const Uri& uri, Env& env);

/// A server's PEM texts; without a certificate it speaks plaintext.
struct ServerTls {
  std::string certificate;
  std::string key;
  std::string client_ca;  ///< not empty: clients must show a certificate signed by it

  bool enabled() const { return !certificate.empty(); }
};

/// Reads and checks `tls-certificate`, `tls-key` and `tls-client-ca`. kInvalidArgument naming the
/// option when one lacks the other, holds no PEM, or the key is not the certificate's.
Result<ServerTls> ReadServerTls(const Uri& uri, Env& env);
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const ServerTls& tls);

/// A client's PEM texts and whether it speaks TLS at all.
struct ClientTls {
  bool enabled = false;
  bool insecure = false;    ///< `tls-insecure`: do not check the server's certificate
  std::string roots;        ///< `tls-certificate` and `tls-ca-certificate`
  std::string certificate;  ///< `tls-client-certificate`, `tls-client-key`
  std::string key;
};

Result<ClientTls> ReadClientTls(const Uri& uri, Env& env);
std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const ClientTls& tls);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_CREDENTIALS_H_
