// SPDX-License-Identifier: BSD-3-Clause
#include "cli/local_database.h"

#include "embeddingsdb/uri.h"

#include "cli/database_uris.h"

namespace embeddingsdb {

Result<std::unique_ptr<Database>> OpenDatabaseToLook(std::span<const std::string> uris,
                                                     Session& session) {
  const std::string uri = JoinDatabaseUris(uris);
  const auto open = [&session](const std::string& one) {
    return session.registry().OpenDatabase(one, session.context);
  };
  Result<Uri> parsed = Uri::Parse(uri);
  if (!parsed.ok() || parsed->Option("read-only")) {
    return open(uri);
  }
  parsed->SetOption("read-only", "true");
  Result<std::unique_ptr<Database>> database = open(parsed->Serialize());
  if (!database.ok() && database.status().code() == StatusCode::kInvalidArgument) {
    return open(uri);  // in memory, or wrong in a way that this will tell
  }
  return database;
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
