// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"
#include "cli/command_flags.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/server_uri.h"
#include "cli/signals.h"

namespace embeddingsdb {

int RunServer(const Invocation& call, Session& session) {
  std::string server_uri = "grpc://localhost:8081?database-uri={database}&token-uri={token}";
  std::vector<std::string> database_uris;
  std::string token_uri;
  CommandFlags flags(
      call,
      {.summary = "Serves a database over gRPC, or as Amazon S3 Vectors, until SIGINT or SIGTERM.",
       .synopsis = "-database-uri URI [flags]",
       .examples =
           "  embeddingsdb-server -database-uri 'sqlite://?dsn=collection.db'\n"
           "  embeddingsdb-server -database-uri 'sqlite:///srv/small.db?dimensions=512' \\\n"
           "    -database-uri 'sqlite:///srv/large.db?dimensions=768'\n"
           "  embeddingsdb-server -database-uri \\\n"
           "    's3vectors://collection?index=clip&region=us-east-1&credentials=iam:'\n"
           "  embeddingsdb-server -database-uri duckdb:///srv/collection \\\n"
           "    -token-uri file:///etc/embeddingsdb/token \\\n"
           "    -server-uri \"grpc://0.0.0.0:8081?database-uri={database}&token-uri={token}\\\n"
           "&tls-certificate=server.crt&tls-key=server.key\"\n"
           "  embeddingsdb-server -database-uri sqlite:///srv/vectors.db \\\n"
           "    -server-uri \"s3vectors://localhost:8081?database-uri={database}\"",
       .notes =
           "Of several databases a model lives in one: where it is, else where the database's\n"
           "dimensions option is the length of its vectors, else in the first without one.\n"
           "Stops cleanly at SIGINT or SIGTERM: calls in flight finish, everything acknowledged\n"
           "is on disk, and the exit code is 0. A second signal ends it at once."});
  flags.Add("server-uri", server_uri,
            "The `URI` to serve at. {database} and {token} stand for the flags below.");
  flags.Add("database-uri", database_uris,
            "The `URI` of the database to serve. May be repeated: several databases are served as\n"
            "one (multi://).");
  flags.Add(
      "token-uri", token_uri,
      "The `URI` of the token that clients must send, e.g. file:///path; no token without it.");
  if (const auto exit_code = flags.Parse(session)) {
    return *exit_code;
  }
  const Result<std::string> uri = FillServerUri(server_uri, database_uris, token_uri);
  if (!uri.ok() && uri.status().code() == StatusCode::kInvalidArgument) {
    return flags.UsageError(session, uri.status().message());
  }
  if (!uri.ok()) {
    return Fail(session, "create server", uri.status());
  }

  // Before the server, which starts threads.
  const StopSignals signals;
  const auto server = session.registry().OpenServer(*uri, session.context);
  if (!server.ok()) {
    return Fail(session, "create server", server.status());
  }
  const Status served = (*server)->Serve(signals.token());
  return served.ok() ? kExitOk : Fail(session, "serve", served);
}

}  // namespace embeddingsdb
