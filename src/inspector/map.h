// SPDX-License-Identifier: BSD-3-Clause
//
// A map: the records of a model as points in the plane, near where their vectors are near.
#ifndef EMBEDDINGSDB_INSPECTOR_MAP_H_
#define EMBEDDINGSDB_INSPECTOR_MAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "embeddingsdb/client.h"
#include "embeddingsdb/status.h"

#include "projection/rows.h"

namespace embeddingsdb {

/// What a map is of.
struct MapQuery {
  std::string model;
  std::string provider = {};  ///< empty: of all

  std::vector<Filter> Filters() const;
  bool operator==(const MapQuery&) const = default;
};

/// The first is there soon, the second is better (projection/layout.h).
enum class MapStage : std::uint16_t { kPca = 1, kNeighbours = 2 };

/// The records of a map: each of its stages has the same ones, in the same order.
struct MapRecords {
  struct Id {
    std::uint32_t provider = 0;  ///< of `providers`
    std::string depiction_id;
  };

  MapQuery query;
  std::int64_t total = 0;              ///< records there were; more than `ids` where it is a sample
  std::vector<std::string> providers;  ///< bytewise; no more than there are records
  std::vector<Id> ids;
  std::set<std::string> picture_origins;  ///< of other hosts' pictures, at most kMaxMapOrigins
  std::uint64_t fingerprint = 0;          ///< of all of the above

  Key KeyOf(std::size_t point) const;
};

/// Immutable once it is made.
struct Map {
  std::shared_ptr<const MapRecords> records;
  MapStage stage = MapStage::kPca;
  std::vector<Point> points;  ///< one for each record
};

struct MapOptions {
  /// Up to so many records, and kMaxMapBytes, are held with their whole vectors. Of more, an even
  /// sample of as many says along which directions all are placed, which are then read once more.
  std::int64_t whole_records = 50'000;
  std::stop_token stop = {};  ///< kCancelled soon after it is asked to stop
};

/// Reads the records, projects them, and hands over each stage as it is ready. Of more records than
/// a map can show (kMaxMapRecords) it takes every so-manieth. kNotFound when there are none,
/// kCancelled, and the client's errors.
Status MakeMap(Client& client, const MapQuery& query, const MapOptions& options,
               const std::function<void(std::shared_ptr<const Map>)>& ready);

/// The bytes of /api/map/ (docs/inspector.md).
std::string MapToBytes(const Map& map);

/// A key a line, point by point, as JSON.
std::string MapKeysToJsonLines(const MapRecords& records);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_MAP_H_
