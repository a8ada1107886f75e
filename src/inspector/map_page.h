// SPDX-License-Identifier: BSD-3-Clause
//
// The page of a map, and the addresses at which its script finds what it draws.
#ifndef EMBEDDINGSDB_INSPECTOR_MAP_PAGE_H_
#define EMBEDDINGSDB_INSPECTOR_MAP_PAGE_H_

#include <span>
#include <string>
#include <string_view>

#include "embeddingsdb/client.h"

#include "inspector/http.h"
#include "inspector/map_store.h"

namespace embeddingsdb {

/// What is asked about a map, borrowed while it is answered.
struct MapRequest {
  Client& client;
  MapStore& maps;
  const Target& target;  ///< with the parameters `model` and `provider`
  std::string_view root;
};

/// /map/: choices, and a place for the map. Without a model it asks for one.
Result<HttpResponse> ShowMap(const MapRequest& request);

/// /api/map/: `below` is what follows it.
///   nothing  the map as bytes, or 202 and nothing while there is none, or none after the stage
///            `after` of the map `map`
///   records  JSON for up to 24 `points` of the map `map`
///   keys     the keys of all points, as JSON Lines
/// kInvalidArgument names the parameter; kNotFound, also for a map that is no longer there.
Result<HttpResponse> AnswerMap(const MapRequest& request, std::span<const std::string> below);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_MAP_PAGE_H_
