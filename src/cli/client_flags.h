// SPDX-License-Identifier: BSD-3-Clause
//
// ClientFlags: -client-uri and -database-uri, which say which database a command works on.
#ifndef EMBEDDINGSDB_CLI_CLIENT_FLAGS_H_
#define EMBEDDINGSDB_CLI_CLIENT_FLAGS_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/client.h"

#include "cli/command.h"
#include "cli/flags.h"

namespace embeddingsdb {

inline constexpr std::string_view kDefaultClientUri = "grpc://localhost:8080";

class ClientFlags {
 public:
  /// Declares the flags in `flags`, which this object must outlive.
  explicit ClientFlags(FlagSet& flags);
  ClientFlags(const ClientFlags&) = delete;
  ClientFlags& operator=(const ClientFlags&) = delete;
  ~ClientFlags() = default;

  /// Opens the client, does the work and closes the client. Returns the exit code; an error is
  /// logged as "Failed to {what}, {error}" with a hint where there is one.
  int Run(Session& session, std::string_view what,
          const std::function<Status(Client& client)>& work) const;

  /// Names what Run opens; may hold secrets.
  std::string target() const;

 private:
  Result<std::unique_ptr<Client>> Open(Session& session) const;

  const FlagSet& flags_;
  std::string client_uri_{kDefaultClientUri};
  std::vector<std::string> database_uris_;
};

/// Logs "Failed to {what}, {status}" and returns the exit code of the status.
int Fail(Session& session, std::string_view what, const Status& status);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_CLIENT_FLAGS_H_
