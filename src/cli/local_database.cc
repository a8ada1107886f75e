// SPDX-License-Identifier: BSD-3-Clause
#include "cli/local_database.h"

#include "cli/database_uris.h"

namespace embeddingsdb {

Result<std::unique_ptr<Database>> OpenDatabaseToLook(std::span<const std::string> uris,
                                                     Session& session) {
  return OpenToRead(JoinDatabaseUris(uris), [&session](const std::string& uri) {
    return session.registry().OpenDatabase(uri, session.context);
  });
}

LocalDatabase::LocalDatabase(CommandFlags& flags) : flags_(flags) {
  flags.Add("database-uri", uris_,
            "The `URI` of the database, in the place of DATABASE-URI. May be repeated: several\n"
            "databases answer as one (multi://).");
}

std::optional<int> LocalDatabase::Parse(Session& session) {
  if (const auto exit_code = flags_.Parse(session, {.name = "DATABASE-URI", .min = 0, .max = 1})) {
    return exit_code;
  }
  const bool has_argument = !flags_.rest().empty();
  if (has_argument && !uris_.empty()) {
    return flags_.UsageError(session, "DATABASE-URI and -database-uri exclude each other");
  }
  if (has_argument) {
    uris_ = flags_.rest();
  }
  if (uris_.empty()) {
    return flags_.UsageError(session, "missing argument: DATABASE-URI");
  }
  return std::nullopt;
}

Result<std::unique_ptr<Database>> LocalDatabase::Open(Session& session) const {
  return session.registry().OpenDatabase(JoinDatabaseUris(uris_), session.context);
}

Result<std::unique_ptr<Database>> LocalDatabase::OpenToLook(Session& session) const {
  return OpenDatabaseToLook(uris_, session);
}

}  // namespace embeddingsdb
