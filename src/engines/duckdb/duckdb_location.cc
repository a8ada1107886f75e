// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_location.h"

#include <filesystem>

#include "core/text.h"

namespace embeddingsdb {
namespace {

bool IsFile(const std::string& path, Env& env) {
  return env.Exists(path) && !env.IsDirectory(path);
}

}  // namespace

Result<DuckdbLocation> ResolveDuckdbLocation(const std::string& path, Env& env) {
  DuckdbLocation location;
  if (path.empty()) {
    return location;
  }
  const std::filesystem::path given(path);
  if (env.IsDirectory(path)) {
    location.file = (given / kDuckdbFileName).string();
    if (IsFile((given / kExportCsv).string(), env) &&
        IsFile((given / kExportSchema).string(), env) &&
        IsFile((given / kExportLoad).string(), env)) {
      location.export_directory = path;
    }
  } else {
    location.file = path;
    const std::string parent = given.has_parent_path() ? given.parent_path().string() : ".";
    if (!env.IsDirectory(parent)) {
      return NotFoundError(Concat("directory ", Quote(parent), " of database file ", Quote(path),
                                  " does not exist"));
    }
    if (!given.has_filename()) {
      return NotFoundError(Concat("database directory ", Quote(path), " does not exist"));
    }
  }
  location.exists = env.Exists(location.file);
  return location;
}

}  // namespace embeddingsdb
