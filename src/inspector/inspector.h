// SPDX-License-Identifier: BSD-3-Clause
//
// Inspector: the web pages in which people look at a database, and the addresses at which programs
// find what the pages show (docs/inspector.md).
#ifndef EMBEDDINGSDB_INSPECTOR_INSPECTOR_H_
#define EMBEDDINGSDB_INSPECTOR_INSPECTOR_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/client.h"

#include "core/log.h"
#include "inspector/http.h"
#include "inspector/map_store.h"

namespace embeddingsdb {

struct InspectorOptions {
  std::string root = {};  ///< in front of all addresses: empty, or "/a/b" (see NormaliseRoot)
  int max_results = 20;   ///< similar records on a page, 1 to kMaxResults
};

/// What -uri-prefix means: slashes around it do not matter.
std::string NormaliseRoot(std::string_view prefix);

/// Answers requests from a client. Threads: safe for concurrent use. Borrows client and log.
class Inspector {
 public:
  Inspector(Client& client, Logger& log, InspectorOptions options)
      : client_(client), log_(log), options_(std::move(options)), maps_(client, log) {}

  /// Never fails: what goes wrong becomes an answer with its status, and when it is our fault a
  /// line in the log.
  HttpResponse Answer(const HttpRequest& request);

 private:
  Result<HttpResponse> Route(const HttpRequest& request, const Target& target);
  Result<HttpResponse> RoutePage(const HttpRequest& request, const Target& target);
  Result<HttpResponse> RouteApi(const Target& target);
  HttpResponse ErrorPage(const Status& status, bool for_program);

  Client& client_;
  Logger& log_;
  InspectorOptions options_;
  MapStore maps_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_INSPECTOR_H_
