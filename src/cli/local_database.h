// SPDX-License-Identifier: BSD-3-Clause
//
// LocalDatabase: DATABASE-URI after the flags, or -database-uri, of the commands with which people
// look after a database. They work on its files, so they open it themselves and ask no server.
#ifndef EMBEDDINGSDB_CLI_LOCAL_DATABASE_H_
#define EMBEDDINGSDB_CLI_LOCAL_DATABASE_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/uri.h"

#include "cli/command.h"
#include "cli/command_flags.h"

namespace embeddingsdb {

/// What `open` makes of a database's URI with read-only=true; of the URI as it is when it says so
/// itself, or when the database cannot be opened so.
template <typename Open>
auto OpenToRead(const std::string& uri, const Open& open) {
  Result<Uri> parsed = Uri::Parse(uri);
  if (!parsed.ok() || parsed->Option("read-only")) {
    return open(uri);
  }
  parsed->SetOption("read-only", "true");
  auto opened = open(parsed->Serialize());
  if (opened.status().code() == StatusCode::kInvalidArgument) {
    return open(uri);  // in memory, or wrong in a way that this will tell
  }
  return opened;
}

/// The database of these URIs, for reading only. Those that cannot be opened so, the ones in
/// memory, are left as they are.
Result<std::unique_ptr<Database>> OpenDatabaseToLook(std::span<const std::string> uris,
                                                     Session& session);

class LocalDatabase {
 public:
  /// Declares the flag in `flags`, which this object must outlive.
  explicit LocalDatabase(CommandFlags& flags);
  LocalDatabase(const LocalDatabase&) = delete;
  LocalDatabase& operator=(const LocalDatabase&) = delete;
  ~LocalDatabase() = default;

  /// Reads the command line as CommandFlags::Parse does.
  std::optional<int> Parse(Session& session);

  Result<std::unique_ptr<Database>> Open(Session& session) const;
  /// As OpenDatabaseToLook does.
  Result<std::unique_ptr<Database>> OpenToLook(Session& session) const;

 private:
  CommandFlags& flags_;
  std::vector<std::string> uris_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLI_LOCAL_DATABASE_H_
