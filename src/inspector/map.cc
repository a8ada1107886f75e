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
#include "inspector/row_sample.h"
#include "projection/layout.h"
#include "projection/neighbours.h"
#include "projection/pca.h"

namespace embeddingsdb {
namespace {

constexpr std::uint16_t kVersion = 2;

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
  std::shared_ptr<MapRecords> records;
  Rows rows;
};

/// Collects records until there are as many as a map can show.
class Collector {
 public:
  Collector(const MapQuery& query, RowSample sample) : sample_(std::move(sample)) {
    records_->query = query;
    records_->total = sample_.total();
  }

  /// False when no more are wanted.
  bool Take(const Record& record) {
    if (sample_.Take(record.embedding)) {
      Add(record);
    }
    return !sample_.full();
  }

  /// Providers in their order, whichever came first.
  Taken Finish() {
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
    return {.records = records_, .rows = sample_.TakeRows()};
  }

 private:
  void Add(const Record& record) {
    const auto provider = static_cast<std::uint32_t>(providers_.size());
    records_->ids.push_back(
        {.provider = providers_.try_emplace(record.key.provider, provider).first->second,
         .depiction_id = record.key.depiction_id});
    if (const std::optional<PictureLink> picture = PictureOf(record.attributes)) {
      if (!picture->origin.empty() && records_->picture_origins.size() < kMaxMapOrigins) {
        records_->picture_origins.insert(picture->origin);
      }
    }
  }

  std::shared_ptr<MapRecords> records_ = std::make_shared<MapRecords>();
  RowSample sample_;
  std::map<std::string, std::uint32_t> providers_;
};

Result<Taken> Read(Client& client, const MapQuery& query, const std::stop_token& stop,
                   RowSample sample) {
  Collector collector(query, std::move(sample));
  EDB_TRY(ScanUntil(client, query.Filters(), stop,
                    [&](const Record& record) { return collector.Take(record); }));
  Taken taken = collector.Finish();
  if (taken.rows.size() == 0) {
    return NotFoundError("there are no records to make a map of");
  }
  return taken;
}

/// What a map is made of. All whole vectors, or where these are too many, the places of all
/// along the directions of a sample.
Result<Taken> ReadAll(Client& client, const MapQuery& query, const MapOptions& options) {
  EDB_ASSIGN(const std::int64_t total, client.Count(query.Filters()));
  if (total == 0) {
    return NotFoundError("there are no records to make a map of");
  }
  const SampleLimits held = {.records = options.whole_records, .bytes = kMaxMapBytes};
  EDB_ASSIGN(Taken taken, Read(client, query, options.stop, RowSample(held, total)));
  const std::size_t dimension = taken.rows.dimension();
  const SampleLimits shown = {.records = kMaxMapRecords};
  if (SampleSize(held, total, dimension) == SampleSize(shown, total, dimension)) {
    return taken;
  }
  const PcaOptions pca = {.components = std::min(kNeighbourComponents, dimension),
                          .sample = kComponentsSample,
                          .stop = options.stop};
  EDB_ASSIGN(Projector projector, Projector::Create(std::move(taken.rows), pca));
  return Read(client, query, options.stop, RowSample(shown, total, &projector));
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

Status MakeMap(Client& client, const MapQuery& query, const MapOptions& options,
               const std::function<void(std::shared_ptr<const Map>)>& ready) {
  EDB_ASSIGN(Taken taken, ReadAll(client, query, options));
  taken.rows.Centre();
  const std::stop_token& stop = options.stop;
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
