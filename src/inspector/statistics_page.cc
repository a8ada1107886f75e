// SPDX-License-Identifier: BSD-3-Clause
#include <utility>

#include "core/json.h"
#include "core/text.h"
#include "inspector/pages.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kMaxModels = 100;  // each is asked for by itself
constexpr int kMaxProviders = 1'000;

struct ModelFigures {
  std::string model;
  std::int64_t dimensions = 0;
  FacetCounts providers;
};

struct Figures {
  std::int64_t records = 0;
  std::size_t models_in_all = 0;
  std::vector<ModelFigures> models;
};

Result<ModelFigures> FiguresOf(Client& client, const std::string& model) {
  ModelFigures figures{.model = model};
  const std::vector<Filter> filters = {{.column = Column::kModel, .value = model}};
  EDB_ASSIGN(const RecordPage first, client.List({.per_page = 1, .filters = filters}));
  if (!first.records.empty()) {
    figures.dimensions = static_cast<std::int64_t>(first.records[0].embedding.size());
  }
  EDB_ASSIGN(figures.providers,
             client.Facets({.by = Column::kProvider, .filters = filters, .limit = kMaxProviders}));
  return figures;
}

Result<Figures> Gather(Client& client) {
  Figures figures;
  EDB_ASSIGN(figures.records, client.Count({}));
  EDB_ASSIGN(std::vector<std::string> models, client.Models({}));
  figures.models_in_all = models.size();
  models.resize(std::min(models.size(), kMaxModels));
  for (const std::string& model : models) {
    EDB_ASSIGN(ModelFigures of_model, FiguresOf(client, model));
    figures.models.push_back(std::move(of_model));
  }
  return figures;
}

std::string ToJson(const ModelFigures& figures) {
  std::string model;
  AppendJsonString(model, figures.model);
  return Concat("{\"model\":", model, ",\"dimensions\":", figures.dimensions,
                ",\"providers\":", FacetCountsToJson(figures.providers), "}");
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
                {"count", Grouped(figures.providers.records)}};
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
