// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/map.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/record_view.h"
#include "projection/layout.h"
#include "projection/neighbours.h"
#include "projection/pca.h"

namespace embeddingsdb {
namespace {

constexpr std::uint16_t kVersion = 2;

// Rows that say along which directions all are placed, where these are too many to be held.
constexpr std::size_t kSampleRows = 2 * kComponentsSample;

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

/// Collects who is on a map.
class RecordsOfMap {
 public:
  RecordsOfMap(const MapQuery& query, std::int64_t total) {
    records_->query = query;
    records_->total = total;
  }

  void Add(const Record& record) {
    const auto provider = static_cast<std::uint32_t>(providers_.size());
    records_->ids.push_back(
        {.provider = providers_.try_emplace(record.key.provider, provider).first->second,
         .depiction_id = record.key.depiction_id});
    if (const std::optional<Picture> picture = PictureOf(record.attributes)) {
      if (!picture->origin.empty() && records_->picture_origins.size() < kMaxMapOrigins) {
        records_->picture_origins.insert(picture->origin);
      }
    }
  }

  /// Providers in their order, whichever came first.
  std::shared_ptr<const MapRecords> Finish() {
    std::vector<std::uint32_t> places(providers_.size());
    for (const auto& [name, number] : providers_) {
      places[number] = static_cast<std::uint32_t>(records_->providers.size());
      records_->providers.push_back(name);
    }
    Fingerprint fingerprint;
    fingerprint.Add(records_->query.model);
    fingerprint.Add(std::to_string(records_->total));
    for (MapRecords::Id& id : records_->ids) {
      id.provider = places[id.provider];
      fingerprint.Add(records_->providers[id.provider]);
      fingerprint.Add(id.depiction_id);
    }
    records_->fingerprint = fingerprint.value();
    return records_;
  }

 private:
  std::shared_ptr<MapRecords> records_ = std::make_shared<MapRecords>();
  std::map<std::string, std::uint32_t> providers_;
};

/// Makes one map.
class MapMaker {
 public:
  MapMaker(Client& client, const MapQuery& query, const MapOptions& options, std::int64_t total)
      : client_(client), query_(query), options_(options), total_(total), records_(query, total) {}

  Status Run(const std::function<void(std::shared_ptr<const Map>)>& ready) {
    EDB_TRY(ReadVectors());
    if (whole_) {
      rows_.Centre();
    } else {
      EDB_TRY(PlaceAll());
    }
    if (rows_.size() == 0) {
      return NotFoundError("there are no records to make a map of");
    }
    const std::shared_ptr<const MapRecords> records = records_.Finish();
    EDB_ASSIGN(const std::vector<Point> pca, whole_ ? PcaPoints(rows_, options_.stop) : Plane());
    ready(std::make_shared<Map>(Map{.records = records, .stage = MapStage::kPca, .points = pca}));
    EDB_ASSIGN(const Neighbours neighbours, NearestNeighbours(rows_, {.stop = options_.stop}));
    rows_ = Rows(1);  // the largest part of the memory
    EDB_ASSIGN(std::vector<Point> points,
               NeighbourLayout(neighbours, pca, {.stop = options_.stop}));
    ready(std::make_shared<Map>(
        Map{.records = records, .stage = MapStage::kNeighbours, .points = std::move(points)}));
    return {};
  }

 private:
  /// An even sample of the records, all with vectors as long as the first one's; `begin` is told
  /// that length and says of how many.
  Status Visit(const std::function<std::size_t(std::size_t dimension)>& begin,
               const std::function<void(const Record&)>& take) {
    EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, client_.Scan(query_.Filters()));
    const auto total = static_cast<std::size_t>(total_);
    std::size_t dimension = 0;
    std::size_t wanted = 0;
    std::size_t taken = 0;
    Record record;
    for (std::size_t number = 0; dimension == 0 || taken < wanted;) {
      if (options_.stop.stop_requested()) {
        return CancelledError("the map was stopped");
      }
      EDB_ASSIGN(const bool found, cursor->Next(record));
      if (!found) {
        break;
      }
      if (record.embedding.empty()) {
        continue;  // no database of ours has one; a server elsewhere may
      }
      if (dimension == 0) {
        dimension = record.embedding.size();
        wanted = begin(dimension);
      }
      // Databases behind multi:// may keep vectors of several lengths for one model.
      if (IsSampled(number++, wanted, total) && record.embedding.size() == dimension) {
        take(record);
        ++taken;
      }
    }
    return {};
  }

  /// All that a map shows, or those that say how to place them.
  Status ReadVectors() {
    return Visit(
        [this](std::size_t dimension) {
          rows_ = Rows(dimension);
          const std::size_t fit = kMaxMapBytes / (rows_.stride() * sizeof(float));
          const std::size_t all = MapSize(total_);
          whole_ = all <= std::min(fit, options_.whole_records);
          const std::size_t wanted = whole_ ? all : std::min({all, fit, kSampleRows});
          rows_.Reserve(wanted);
          return wanted;
        },
        [this](const Record& record) {
          rows_.Append(record.embedding);
          if (whole_) {
            records_.Add(record);
          }
        });
  }

  /// Takes the places of all along the directions of the sample instead of it.
  Status PlaceAll() {
    const std::size_t components = std::min(kNeighbourComponents, rows_.dimension());
    EDB_ASSIGN(Projector projector,
               Projector::Create(
                   std::exchange(rows_, Rows(components)),
                   {.components = components, .sample = kComponentsSample, .stop = options_.stop}));
    rows_.Reserve(MapSize(total_));
    return Visit([this](std::size_t /*dimension*/) { return MapSize(total_); },
                 [&](const Record& record) {
                   if (record.embedding.size() == projector.dimension()) {
                     rows_.Append(projector.Project(record.embedding));
                     records_.Add(record);
                   }
                 });
  }

  /// Along the first two directions.
  Result<std::vector<Point>> Plane() const {
    std::vector<Point> points;
    points.reserve(rows_.size());
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      points.push_back({.x = rows_[row][0], .y = rows_[row][1]});
    }
    return points;
  }

  Client& client_;
  const MapQuery& query_;
  const MapOptions& options_;
  const std::int64_t total_;
  RecordsOfMap records_;
  Rows rows_{1};
  bool whole_ = true;
};

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

std::size_t MapSize(std::int64_t total) {
  return static_cast<std::size_t>(std::min(total, kMaxMapRecords));
}

Status MakeMap(Client& client, const MapQuery& query, const MapOptions& options,
               const std::function<void(std::shared_ptr<const Map>)>& ready) {
  EDB_ASSIGN(const std::int64_t total, client.Count(query.Filters()));
  if (total == 0) {
    return NotFoundError("there are no records to make a map of");
  }
  return MapMaker(client, query, options, total).Run(ready);
}

std::string MapToBytes(const Map& map) {
  const std::string names = StringsToJson(map.records->providers, EmptyAs::kEmpty);
  std::string bytes = "EDBM";
  bytes.reserve(32 + map.points.size() * 12 + names.size());
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
