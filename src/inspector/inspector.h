// SPDX-License-Identifier: BSD-3-Clause
//
// Inspector: the web pages in which people look at a database, and the addresses at which programs
// find what the pages show (docs/inspector.md).
#ifndef EMBEDDINGSDB_INSPECTOR_INSPECTOR_H_
#define EMBEDDINGSDB_INSPECTOR_INSPECTOR_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/client.h"
#include "embeddingsdb/embedder.h"

#include "core/log.h"
#include "inspector/http.h"
#include "inspector/map_page.h"
#include "inspector/map_store.h"
#include "inspector/pages.h"
#include "inspector/scale_store.h"

namespace embeddingsdb {

struct InspectorOptions {
  std::string root = {};  ///< in front of all addresses: empty, or "/a/b" (see NormaliseRoot)
  int max_results = 20;   ///< similar records on a page, 1 to kMaxResults
  Embedder* embedder = nullptr;  ///< for searches by text and picture; borrowed; may be null
};

/// What -uri-prefix means: slashes around it do not matter.
std::string NormaliseRoot(std::string_view prefix);

/// The paths that take a POST.
std::vector<std::string> FormPaths(std::string_view root);

/// Answers requests from a client. Threads: safe for concurrent use. Borrows client and log.
class Inspector {
 public:
  Inspector(Client& client, Logger& log, InspectorOptions options);

  /// Never fails: what goes wrong becomes an answer with its status, and when it is our fault a
  /// line in the log.
  HttpResponse Answer(const HttpRequest& request);

 private:
  /// An address below the root.
  struct Place {
    const HttpRequest& request;
    const Target& target;
    std::span<const std::string> segments;
  };

  Result<HttpResponse> Route(const HttpRequest& request, const Target& target);
  Result<HttpResponse> RoutePage(const Place& place);
  Result<HttpResponse> RouteApi(const Place& place);
  PageRequest PageOf(const Place& place, PageFormat format);
  MapRequest MapOf(const Place& place);
  HttpResponse ErrorPage(const Status& status, bool for_program);

  Client& client_;
  Logger& log_;
  InspectorOptions options_;
  std::size_t root_segments_;
  MapStore maps_;
  ScaleStore scales_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_INSPECTOR_H_
