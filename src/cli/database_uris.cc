// SPDX-License-Identifier: BSD-3-Clause
#include "cli/database_uris.h"

#include "embeddingsdb/uri.h"

namespace embeddingsdb {

std::string JoinDatabaseUris(std::span<const std::string> uris) {
  if (uris.empty()) {
    return {};
  }
  if (uris.size() == 1) {
    return uris.front();
  }
  std::string joined = "multi://";
  char separator = '?';
  for (const std::string& uri : uris) {
    joined.append({separator}).append("database=").append(PercentEncode(uri));
    separator = '&';
  }
  return joined;
}

std::string DatabaseClientUri(const std::string& database_uri) {
  return "database://?database-uri=" + PercentEncode(database_uri);
}

}  // namespace embeddingsdb
