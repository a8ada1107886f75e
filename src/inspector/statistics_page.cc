// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <optional>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/distance_scale.h"
#include "inspector/pages.h"

namespace embeddingsdb {
namespace {

constexpr int kMaxProviders = 1'000;

struct ModelFigures {
  std::string model;
  std::int64_t dimensions = 0;
  FacetCounts providers;
  std::optional<ModelStats> index;  ///< servers of go-embeddingsdb do not tell
};

struct Figures {
  std::int64_t records = 0;
  std::size_t models_in_all = 0;
  std::vector<ModelFigures> models;
};

/// Of several databases as one, the model's own.
std::optional<ModelStats> IndexOf(const DatabaseStats& stats, std::string_view model) {
  const auto found = std::ranges::find(stats.models, model, &ModelStats::name);
  return found == stats.models.end() ? std::nullopt : std::optional(*found);
}

Result<ModelFigures> FiguresOf(Client& client, const std::string& model,
                               std::optional<ModelStats> index) {
  ModelFigures figures{.model = model, .index = std::move(index)};
  const std::vector<Filter> filters = {{.column = Column::kModel, .value = model}};
  if (figures.index) {
    figures.dimensions = figures.index->dimension;
  } else {
    EDB_ASSIGN(const RecordPage first, client.List({.per_page = 1, .filters = filters}));
    if (!first.records.empty()) {
      figures.dimensions = static_cast<std::int64_t>(first.records[0].embedding.size());
    }
  }
  EDB_ASSIGN(figures.providers,
             client.Facets({.by = Column::kProvider, .filters = filters, .limit = kMaxProviders}));
  return figures;
}

Result<Figures> Gather(Client& client) {
  Figures figures;
  EDB_ASSIGN(figures.records, client.Count({}));
  EDB_ASSIGN(std::vector<std::string> models, client.Models({}));
  Result<DatabaseStats> stats = client.Stats();
  if (!stats.ok() && stats.status().code() != StatusCode::kUnimplemented) {
    return stats.status();
  }
  figures.models_in_all = models.size();
  models.resize(std::min(models.size(), kMaxShownModels));
  for (const std::string& model : models) {
    EDB_ASSIGN(ModelFigures of_model,
               FiguresOf(client, model, stats.ok() ? IndexOf(*stats, model) : std::nullopt));
    figures.models.push_back(std::move(of_model));
  }
  return figures;
}

std::string ToJson(const ModelStats& index) {
  const std::string metric =
      index.metric ? Concat("\"metric\":\"", MetricName(*index.metric), "\",") : "";
  return Concat("{", metric, "\"search\":\"", SearchKindName(index.search), "\",\"precision\":\"",
                PrecisionName(index.precision), "\",\"loaded\":", index.loaded ? "true" : "false",
                ",\"graph_rows\":", index.graph_rows, ",\"tail_rows\":", index.tail_rows,
                ",\"file_bytes\":", index.file_bytes, ",\"memory_bytes\":", index.memory_bytes,
                "}");
}

/// How a search finds what is near, in words.
std::string SearchDescribed(const ModelStats& index) {
  switch (index.search) {
    case SearchKind::kExact:
      return "comparing all";
    case SearchKind::kStore:
      return "its database";
    case SearchKind::kHnsw:
      break;
  }
  if (index.graph_rows == 0) {
    return "comparing all, until its graph is built";
  }
  const std::string graph = Concat("a graph of ", Grouped(index.graph_rows));
  return index.tail_rows == 0
             ? graph
             : Concat(graph, ", and comparing ", Grouped(index.tail_rows), " newer ones");
}

std::string Described(const ModelStats& index) {
  return index.metric ? Concat(SearchDescribed(index), "; ", MetricTitle(*index.metric))
                      : SearchDescribed(index);
}

std::string ToJson(const ModelFigures& figures) {
  std::string model;
  AppendJsonString(model, figures.model);
  return Concat("{\"model\":", model, ",\"dimensions\":", figures.dimensions,
                ",\"providers\":", FacetCountsToJson(figures.providers),
                figures.index ? Concat(",\"index\":", ToJson(*figures.index)) : "", "}");
}

std::string ToJson(const Figures& figures) {
  return Concat("{\"records\":", figures.records, ",\"models\":",
                JsonArray(figures.models, [](const auto& of_model) { return ToJson(of_model); }),
                "}\n");
}

View ViewOf(const ModelFigures& figures, std::string_view root) {
  View view;
  view.texts = {{"name", figures.model},
                {"address", Concat(root, "/", QueryOf({{"model", figures.model}}))},
                {"dimensions", Grouped(figures.dimensions)},
                {"count", Grouped(figures.providers.records)},
                {"searched", figures.index ? Described(*figures.index) : ""}};
  for (const Facet& facet : figures.providers.facets) {
    view.lists["providers"].push_back(
        {.texts = {{"name", facet.value},
                   {"count", Grouped(facet.count)},
                   {"address",
                    Concat(root, "/",
                           QueryOf({{"provider", facet.value}, {"model", figures.model}}))}},
         .lists = {}});
  }
  return view;
}

}  // namespace

Result<HttpResponse> ShowStatistics(const PageRequest& request) {
  EDB_ASSIGN(const Figures figures, Gather(request.client));
  if (request.format == PageFormat::kJson) {
    return HttpResponse{.content_type = std::string(kJsonType), .body = ToJson(figures)};
  }
  View view;
  view.texts = {{"root", std::string(request.root)},
                {"title", "Statistics"},
                {"total", Grouped(figures.records)},
                {"models_in_all", Grouped(static_cast<std::int64_t>(figures.models_in_all))},
                {"json_query", "?format=json"}};
  for (const ModelFigures& of_model : figures.models) {
    view.lists["models"].push_back(ViewOf(of_model, request.root));
  }
  if (figures.models_in_all > figures.models.size()) {
    view.Show("more_models");
  }
  return HttpResponse{.content_type = std::string(kHtmlType),
                      .body = Render("statistics.html", view)};
}

}  // namespace embeddingsdb
