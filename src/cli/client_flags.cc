// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client_flags.h"

#include "cli/database_uris.h"
#include "cli/exit_code.h"
#include "core/text.h"

namespace embeddingsdb {

ClientFlags::ClientFlags(FlagSet& flags) : flags_(flags) {
  flags.Add("client-uri", client_uri_, "The `URI` of the client to use.");
  flags.Add("database-uri", database_uris_,
            "The `URI` of a database to open in this process instead of asking a server. May be\n"
            "repeated: several databases answer as one (multi://).");
}

std::string ClientFlags::target() const {
  return database_uris_.empty() ? client_uri_ : DatabaseClientUri(JoinDatabaseUris(database_uris_));
}

Result<std::unique_ptr<Client>> ClientFlags::Open(Session& session) const {
  if (!database_uris_.empty() && flags_.given("client-uri")) {
    return InvalidArgumentError("-client-uri and -database-uri exclude each other");
  }
  return session.registry().OpenClient(target(), session.context);
}

int ClientFlags::Run(Session& session, std::string_view what,
                     const std::function<Status(Client& client)>& work) const {
  const Result<std::unique_ptr<Client>> client = Open(session);
  if (!client.ok()) {
    return Fail(session, "create client", client.status());
  }
  Status status = work(**client);
  const Status closed = (*client)->Close();
  if (status.ok()) {
    status = closed;
  }
  if (status.ok()) {
    return kExitOk;
  }

  const int exit_code = Fail(session, what, status);
  // The two defaults differ in go-embeddingsdb, and scripts rely on each of them.
  if (status.code() == StatusCode::kUnavailable && database_uris_.empty() &&
      client_uri_ == kDefaultClientUri) {
    session.io.err << "hint: " << kDefaultClientUri << " is this tool's default; a server's default"
                   << " port is 8081: -client-uri grpc://localhost:8081\n";
  }
  return exit_code;
}

int Fail(Session& session, std::string_view what, const Status& status) {
  session.log().Error(Concat("Failed to ", what, ", ", status.ToString()));
  return ExitCodeOf(status);
}

}  // namespace embeddingsdb
