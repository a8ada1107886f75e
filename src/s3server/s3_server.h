// SPDX-License-Identifier: BSD-3-Clause
//
// The server of s3vectors:// URIs: the REST protocol of Amazon S3 Vectors in front of databases.
// docs/s3-server.md says what it does and where it differs from the service.
#ifndef EMBEDDINGSDB_S3SERVER_S3_SERVER_H_
#define EMBEDDINGSDB_S3SERVER_S3_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/registry.h"
#include "embeddingsdb/server.h"
#include "embeddingsdb/uri.h"

#include "s3server/catalog.h"
#include "s3server/keys.h"
#include "s3server/operations.h"

namespace embeddingsdb {

struct S3ServerOptions {
  std::string host;        ///< empty: all interfaces
  std::uint16_t port = 0;  ///< 0: a free one
  S3Place place;
  S3Keys keys;
  std::string certificate;  ///< PEM files of TLS; empty without
  std::string key;
  std::int64_t idle_seconds = 5;  ///< until a connection without requests is closed

  /// Reads `s3vectors://HOST:PORT?region=us-east-1&account=123456789012&keys-uri=&tls-certificate=
  /// &tls-key=&allow-plaintext=&idle-timeout=` and leaves `database-uri` alone. Refuses unknown
  /// options, and an address beyond loopback without keys and TLS. `allow-plaintext` stands for
  /// TLS only: without keys there is nothing beyond loopback.
  static Result<S3ServerOptions> FromUri(const Uri& uri, Env& env);
};

/// Starts to listen; answers calls once it is served. kUnavailable when the address cannot be
/// listened on.
Result<std::unique_ptr<Server>> StartS3Server(S3ServerOptions options,
                                              std::vector<S3Database> databases,
                                              const Context& context);

/// The factory: opens each `database-uri` (with metric=cosine when it names none, those of a
/// multi:// each by itself) and starts a server for them.
Result<std::unique_ptr<Server>> OpenS3Server(const Uri& uri, const Context& context);

/// Registers s3vectors.
void RegisterS3Server(Registry& registry);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_S3_SERVER_H_
