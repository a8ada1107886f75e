// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/map_page.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/pages.h"
#include "inspector/record_view.h"
#include "inspector/template.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kJsonLinesType = "application/jsonl";
constexpr int kMaxChoices = 1'000;
constexpr std::size_t kPointsPerPage = 24;  // as many cards as a list has

// Where pictures are is found out from these, as long as there is no map.
constexpr std::size_t kSampledProviders = 16;
constexpr std::int64_t kSampledRecords = 4;

constexpr auto kStages = std::to_array<std::pair<std::string_view, MapStage>>(
    {{"pca", MapStage::kPca}, {"neighbours", MapStage::kNeighbours}});

MapQuery QueryFrom(const Target& target) {
  return {.model = target.Parameter("model").value_or(""),
          .provider = target.Parameter("provider").value_or("")};
}

Result<MapQuery> RequiredQuery(const Target& target) {
  MapQuery query = QueryFrom(target);
  if (query.model.empty()) {
    return InvalidArgumentError("the parameter model is missing");
  }
  return query;
}

/// From where the pictures of a map come: those of a map that is there, or of a few records.
Result<std::set<std::string>> OriginsOf(const MapRequest& request, const MapQuery& query,
                                        const FacetCounts& providers) {
  if (const std::shared_ptr<const Map> map = request.maps.Peek(query)) {
    return map->records->picture_origins;
  }
  std::set<std::string> origins;
  for (const Facet& facet :
       std::span(providers.facets).first(std::min(kSampledProviders, providers.facets.size()))) {
    const MapQuery of_one = {.model = query.model, .provider = facet.value};
    if (!query.provider.empty() && query.provider != facet.value) {
      continue;
    }
    EDB_ASSIGN(const RecordPage page,
               request.client.List({.per_page = kSampledRecords, .filters = of_one.Filters()}));
    for (const Record& record : page.records) {
      const std::optional<PictureLink> picture = PictureOf(record.attributes);
      if (picture && !picture->origin.empty()) {
        origins.insert(picture->origin);
      }
    }
  }
  return origins;
}

Result<HttpResponse> MapBytes(const MapRequest& request) {
  EDB_ASSIGN(const MapQuery query, RequiredQuery(request.target));
  std::optional<MapStage> after;
  if (const std::optional<std::string> name = request.target.Parameter("after")) {
    const auto* const stage =
        std::ranges::find(kStages, *name, [](const auto& known) { return known.first; });
    if (stage == kStages.end()) {
      return InvalidArgumentError(Concat("after ", Quote(*name), " is neither pca nor neighbours"));
    }
    after = stage->second;
  }
  EDB_ASSIGN(const MapStore::Found found, request.maps.Find(query));
  if (!found.map || found.map->stage == after) {
    return HttpResponse{.status = 202, .content_type = std::string(kBytesType)};
  }
  return HttpResponse{.content_type = std::string(kBytesType), .body = MapToBytes(*found.map)};
}

/// The map that the caller has before it; not one of other records.
Result<std::shared_ptr<const MapRecords>> SameMap(const MapRequest& request) {
  EDB_ASSIGN(const MapQuery query, RequiredQuery(request.target));
  const std::string text = request.target.Parameter("map").value_or("");
  std::uint64_t fingerprint = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), fingerprint, 16);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgumentError(Concat("map ", Quote(text), " is no hexadecimal number"));
  }
  const std::shared_ptr<const Map> map = request.maps.Peek(query);
  if (!map || map->records->fingerprint != fingerprint) {
    return NotFoundError("this map is no longer there");
  }
  return map->records;
}

Result<std::vector<std::size_t>> PointsOf(const Target& target, std::size_t count) {
  const std::string text = target.Parameter("points").value_or("");
  std::vector<std::size_t> points;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data();; ++at) {
    std::size_t point = 0;
    const auto [after, error] = std::from_chars(at, end, point);
    if (error != std::errc() || (after != end && *after != ',')) {
      return InvalidArgumentError(Concat("points ", Quote(text), " are no numbers"));
    }
    if (point >= count) {
      return InvalidArgumentError(Concat("points has ", point, "; the map has ", count));
    }
    points.push_back(point);
    if (points.size() > kPointsPerPage) {
      return InvalidArgumentError(
          Concat("points has more than ", kPointsPerPage, " numbers, the most there may be"));
    }
    if (after == end) {
      return points;
    }
    at = after;
  }
}

void AppendField(std::string& json, std::string_view name, std::string_view value) {
  json += Concat(",\"", name, "\":");
  AppendJsonString(json, value);
}

/// What a card shows; `picture` only if pages may show it.
void AppendRecord(std::string& json, std::size_t point, const Record& record,
                  std::string_view root) {
  json += Concat("{\"point\":", point);
  AppendField(json, "title", TitleOf(record.key, record.attributes));
  AppendField(json, "address", AddressOf(root, record.key).ToString());
  AppendField(json, "provider", record.key.provider);
  AppendField(json, "depiction_id", record.key.depiction_id);
  AppendField(json, "model", record.key.model);
  AppendField(json, "subject_id", record.subject_id);
  if (const std::optional<PictureLink> picture = PictureOf(record.attributes)) {
    AppendField(json, "picture", picture->source);
    AppendField(json, "picture_origin", picture->origin);
  } else if (const std::optional<std::string> text = TextPreviewOf(record.attributes)) {
    AppendField(json, "text", *text);
  }
  json += "}";
}

Result<HttpResponse> MapRecordsJson(const MapRequest& request) {
  EDB_ASSIGN(const std::shared_ptr<const MapRecords> records, SameMap(request));
  EDB_ASSIGN(const std::vector<std::size_t> points, PointsOf(request.target, records->ids.size()));
  std::string json = "{\"records\":[";
  for (const std::size_t point : points) {
    const Result<Record> record = request.client.Get(records->KeyOf(point));
    if (!record.ok() && record.status().code() != StatusCode::kNotFound) {
      return record.status();
    }
    if (record.ok()) {
      json += json.ends_with('[') ? "" : ",";
      AppendRecord(json, point, *record, request.root);
    }
  }
  return HttpResponse{.content_type = std::string(kJsonType), .body = json + "]}\n"};
}

Result<HttpResponse> MapKeys(const MapRequest& request) {
  EDB_ASSIGN(const std::shared_ptr<const MapRecords> records, SameMap(request));
  return HttpResponse{.content_type = std::string(kJsonLinesType),
                      .body = MapKeysToJsonLines(*records)};
}

}  // namespace

Result<HttpResponse> ShowMap(const MapRequest& request) {
  const MapQuery query = QueryFrom(request.target);
  HttpResponse response{.content_type = std::string(kHtmlType)};
  View view;
  view.texts = {{"root", std::string(request.root)},
                {"title", "Map"},
                {"model", query.model},
                {"provider", query.provider},
                {"most", Grouped(kMaxMapRecords)}};
  EDB_ASSIGN(const FacetCounts models,
             request.client.Facets({.by = Column::kModel, .limit = kMaxChoices}));
  view.lists["models"] = ChoiceViews(models, query.model);
  if (query.model.empty()) {
    view.Show("no_model");
    response.body = Render("map.html", view);
    return response;
  }
  EDB_ASSIGN(const FacetCounts providers,
             request.client.Facets({.by = Column::kProvider,
                                    .filters = MapQuery{.model = query.model}.Filters(),
                                    .limit = kMaxChoices}));
  view.lists["providers"] = ChoiceViews(providers, query.provider);
  EDB_ASSIGN(const std::set<std::string> origins, OriginsOf(request, query, providers));
  std::string all_origins;
  for (const std::string& origin : origins) {
    response.picture_origins.push_back(origin);
    all_origins += Concat(all_origins.empty() ? "" : " ", origin);
  }
  view.lists["map"].push_back(
      {.texts = {{"origins", all_origins},
                 {"query", QueryOf({{"model", query.model}, {"provider", query.provider}})}},
       .lists = {}});
  response.body = Render("map.html", view);
  return response;
}

Result<HttpResponse> AnswerMap(const MapRequest& request, std::span<const std::string> below) {
  const std::string_view name = below.empty() ? "" : std::string_view(below[0]);
  if (below.empty()) {
    return MapBytes(request);
  }
  if (name == "records" && below.size() == 1) {
    return MapRecordsJson(request);
  }
  if (name == "keys" && below.size() == 1) {
    return MapKeys(request);
  }
  return NotFoundError("no such address");
}

}  // namespace embeddingsdb
