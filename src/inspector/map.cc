// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/map.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/record_view.h"
#include "projection/layout.h"
#include "projection/neighbours.h"
#include "projection/pca.h"

namespace embeddingsdb {
namespace {

constexpr std::uint16_t kVersion = 1;

// A point's provider is 16 bits.
static_assert(kMaxMapRecords <= 0xffff);

/// Little-endian, whatever the machine.
template <typename Unsigned>
void Append(std::string& bytes, Unsigned number) {
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(number >> (8 * i))));
  }
}

/// FNV-1a: two maps are told apart, nothing is protected.
class Fingerprint {
 public:
  void Add(std::string_view text) {
    for (const char c : text) {
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    state_ = (state_ ^ 0xffU) * 0x100000001b3;  // no byte of UTF-8
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

/// What is read of the records.
struct Taken {
  std::shared_ptr<MapRecords> records = std::make_shared<MapRecords>();
  Rows rows{1};  // of the first record's length, once there is one
};

/// Collects records until there are as many as a map can show.
class Collector {
 public:
  Collector(const MapQuery& query, std::int64_t total) {
    taken_.records->query = query;
    taken_.records->total = total;
  }

  /// False when no more are wanted.
  bool Take(const Record& record) {
    if (record.embedding.empty()) {
      return true;  // no database of ours has one; a server elsewhere may
    }
    if (wanted_ == 0) {
      taken_.rows = Rows(record.embedding.size());
      wanted_ = MapSize(taken_.records->total, record.embedding.size());
      taken_.rows.Reserve(wanted_);
    }
    const auto total = static_cast<std::size_t>(taken_.records->total);
    const std::size_t number = seen_++;
    // Databases behind multi:// may keep vectors of several lengths for one model.
    if (!IsSampled(number, wanted_, total) || record.embedding.size() != taken_.rows.dimension()) {
      return true;
    }
    taken_.rows.Append(record.embedding);
    const auto provider = static_cast<std::uint16_t>(providers_.size());
    taken_.records->ids.push_back(
        {.provider = providers_.try_emplace(record.key.provider, provider).first->second,
         .depiction_id = record.key.depiction_id});
    if (const std::optional<Picture> picture = PictureOf(record.attributes)) {
      if (!picture->origin.empty() && taken_.records->picture_origins.size() < kMaxMapOrigins) {
        taken_.records->picture_origins.insert(picture->origin);
      }
    }
    return taken_.rows.size() < wanted_;
  }

  /// Providers in their order, whichever came first.
  Taken Finish() {
    std::vector<std::uint16_t> places(providers_.size());
    for (const auto& [name, number] : providers_) {
      places[number] = static_cast<std::uint16_t>(taken_.records->providers.size());
      taken_.records->providers.push_back(name);
    }
    Fingerprint fingerprint;
    fingerprint.Add(taken_.records->query.model);
    fingerprint.Add(std::to_string(taken_.records->total));
    for (MapRecords::Id& id : taken_.records->ids) {
      id.provider = places[id.provider];
      fingerprint.Add(taken_.records->providers[id.provider]);
      fingerprint.Add(id.depiction_id);
    }
    taken_.records->fingerprint = fingerprint.value();
    return std::move(taken_);
  }

 private:
  Taken taken_;
  std::map<std::string, std::uint16_t> providers_;
  std::size_t wanted_ = 0;
  std::size_t seen_ = 0;
};

Result<Taken> Read(Client& client, const MapQuery& query, const std::stop_token& stop) {
  EDB_ASSIGN(const std::int64_t total, client.Count(query.Filters()));
  if (total == 0) {
    return NotFoundError("there are no records to make a map of");
  }
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, client.Scan(query.Filters()));
  Collector collector(query, total);
  Record record;
  for (bool more = true; more;) {
    if (stop.stop_requested()) {
      return CancelledError("the map was stopped");
    }
    EDB_ASSIGN(const bool found, cursor->Next(record));
    more = found && collector.Take(record);
  }
  Taken taken = collector.Finish();
  if (taken.rows.size() == 0) {
    return NotFoundError("there are no records to make a map of");
  }
  return taken;
}

}  // namespace

std::vector<Filter> MapQuery::Filters() const {
  std::vector<Filter> filters = {{.column = Column::kModel, .value = model}};
  if (!provider.empty()) {
    filters.push_back({.column = Column::kProvider, .value = provider});
  }
  return filters;
}

Key MapRecords::KeyOf(std::size_t point) const {
  const Id& id = ids[point];
  return {
      .provider = providers[id.provider], .depiction_id = id.depiction_id, .model = query.model};
}

std::size_t MapSize(std::int64_t total, std::size_t dimension) {
  const std::size_t fit = kMaxMapBytes / (Rows(dimension).stride() * sizeof(float));
  return std::min(static_cast<std::size_t>(std::min(total, kMaxMapRecords)), fit);
}

Status MakeMap(Client& client, const MapQuery& query, const std::stop_token& stop,
               const std::function<void(std::shared_ptr<const Map>)>& ready) {
  EDB_ASSIGN(Taken taken, Read(client, query, stop));
  taken.rows.Centre();
  EDB_ASSIGN(const std::vector<Point> pca, PcaPoints(taken.rows, stop));
  ready(
      std::make_shared<Map>(Map{.records = taken.records, .stage = MapStage::kPca, .points = pca}));
  EDB_ASSIGN(const Neighbours neighbours, NearestNeighbours(taken.rows, {.stop = stop}));
  taken.rows = Rows(1);  // the largest part of the memory
  EDB_ASSIGN(std::vector<Point> points, NeighbourLayout(neighbours, pca, {.stop = stop}));
  ready(std::make_shared<Map>(
      Map{.records = taken.records, .stage = MapStage::kNeighbours, .points = std::move(points)}));
  return {};
}

std::string MapToBytes(const Map& map) {
  const std::string names = StringsToJson(map.records->providers, EmptyAs::kEmpty);
  std::string bytes = "EDBM";
  bytes.reserve(32 + map.points.size() * 10 + names.size());
  Append(bytes, kVersion);
  Append(bytes, static_cast<std::uint16_t>(map.stage));
  Append(bytes, static_cast<std::uint32_t>(map.points.size()));
  Append(bytes, static_cast<std::uint32_t>(names.size()));
  Append(bytes, static_cast<std::uint64_t>(map.records->total));
  Append(bytes, map.records->fingerprint);
  for (const Point& point : map.points) {
    Append(bytes, std::bit_cast<std::uint32_t>(point.x));
    Append(bytes, std::bit_cast<std::uint32_t>(point.y));
  }
  for (const MapRecords::Id& id : map.records->ids) {
    Append(bytes, id.provider);
  }
  return bytes + names;
}

std::string MapKeysToJsonLines(const MapRecords& records) {
  std::string model;
  AppendJsonString(model, records.query.model);
  std::string lines;
  for (const MapRecords::Id& id : records.ids) {
    lines += "{\"provider\":";
    AppendJsonString(lines, records.providers[id.provider]);
    lines += ",\"depiction_id\":";
    AppendJsonString(lines, id.depiction_id);
    lines += Concat(",\"model\":", model, "}\n");
  }
  return lines;
}

}  // namespace embeddingsdb
