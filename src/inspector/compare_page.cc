// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"
#include "inspector/pages.h"
#include "inspector/pooled.h"
#include "inspector/record_view.h"
#include "inspector/similar.h"

namespace embeddingsdb {
namespace {

/// A depiction under its models.
struct Comparison {
  Record record;                  ///< of the first model
  std::vector<std::string> left;  ///< models for which there is no column
  std::vector<ModelColumn> columns;
  std::vector<PooledRecord> pooled;
};

Result<std::vector<std::string>> ModelsOf(Client& client, const Key& key) {
  EDB_ASSIGN(const FacetCounts counts, ModelsOfDepiction(client, key));
  std::vector<std::string> models;
  models.reserve(counts.facets.size());
  for (const Facet& facet : counts.facets) {
    models.push_back(facet.value);
  }
  if (models.empty()) {
    return NotFoundError("no such depiction");
  }
  std::ranges::sort(models);
  return models;
}

Result<Comparison> Compare(const PageRequest& request, Key key, const Wanted& wanted) {
  Comparison comparison;
  EDB_ASSIGN(std::vector<std::string> models, ModelsOf(request.client, key));
  const auto shown =
      models.begin() + static_cast<std::ptrdiff_t>(std::min(models.size(), kMaxComparedModels));
  comparison.left.assign(shown, models.end());
  models.erase(shown, models.end());
  for (const std::string& model : models) {
    key.model = model;
    EDB_ASSIGN(const std::vector<std::string> providers,
               request.client.Providers(std::span(&model, 1)));
    EDB_ASSIGN(std::vector<SimilarRecord> similar, SimilarTo(request, key, wanted, providers));
    comparison.columns.push_back(
        {.model = model, .similar = std::move(similar), .scale = request.scales.Find(model)});
  }
  key.model = models[0];
  EDB_ASSIGN(comparison.record, request.client.Get(key));
  comparison.pooled = Pool(comparison.columns);
  return comparison;
}

std::string ToJson(const PooledRecord& pooled) {
  return Concat("{\"models\":", StringsToJson(pooled.models),
                ",\"record\":", SimilarRecordToJson(pooled.record), "}");
}

std::string ToJson(const ModelColumn& column) {
  std::string model;
  AppendJsonString(model, column.model);
  return Concat("{\"model\":", model, ",\"similar\":",
                JsonArray(column.similar,
                          [](const SimilarRecord& found) { return SimilarRecordToJson(found); }),
                DistancesMember(column.scale.get(), column.similar), "}");
}

std::string ToJson(const Comparison& comparison) {
  return Concat("{\"record\":", RecordToJson(comparison.record), ",\"columns\":",
                JsonArray(comparison.columns, [](const auto& column) { return ToJson(column); }),
                ",\"pooled\":",
                JsonArray(comparison.pooled, [](const auto& pooled) { return ToJson(pooled); }),
                "}\n");
}

void FillColumns(View& view, const Comparison& comparison, HttpResponse& response) {
  const std::string& root = view.texts["root"];
  Key key = comparison.record.key;
  for (const ModelColumn& column : comparison.columns) {
    View& shown = view.lists["columns"].emplace_back();
    key.model = column.model;
    shown.texts = {{"name", column.model}, {"address", AddressOf(root, key).ToString()}};
    FillSimilar(shown, root, {.records = column.similar, .scale = column.scale.get()}, response);
    if (column.similar.empty()) {
      shown.Show("nothing");
    }
  }
}

void FillPooled(View& view, const Comparison& comparison, HttpResponse& response) {
  for (const PooledRecord& pooled : comparison.pooled) {
    const SimilarRecord& found = pooled.record;
    View& card = view.lists["pooled"].emplace_back();
    FillCard(card, view.texts["root"],
             {.key = found.key, .subject_id = found.subject_id, .attributes = found.attributes},
             response);
    card.lists["agreed"].push_back({.texts = {{"number", std::to_string(pooled.models.size())},
                                              {"of", std::to_string(comparison.columns.size())}},
                                    .lists = {}});
  }
  if (comparison.pooled.empty()) {
    view.Show("no_agreement");
  }
}

}  // namespace

Result<HttpResponse> ShowComparison(const PageRequest& request, const Key& key) {
  EDB_ASSIGN(const Wanted wanted, WantedOf(request.target));
  EDB_ASSIGN(const Comparison comparison, Compare(request, key, wanted));
  if (request.format == PageFormat::kJson) {
    return HttpResponse{.content_type = std::string(kJsonType), .body = ToJson(comparison)};
  }
  HttpResponse response{.content_type = std::string(kHtmlType)};
  View view;
  view.texts["root"] = request.root;
  const Record& record = comparison.record;
  FillCard(view, request.root,
           {.key = record.key, .subject_id = record.subject_id, .attributes = record.attributes},
           response);
  FillWanted(view, wanted, {});
  FillOwnAddress(view, AddressOf(request.root, key, "compare"), wanted);
  for (const std::string& model : comparison.left) {
    view.lists["left"].push_back({.texts = {{"name", model}}, .lists = {}});
  }
  FillColumns(view, comparison, response);
  FillPooled(view, comparison, response);
  response.body = Render("compare.html", view);
  return response;
}

}  // namespace embeddingsdb
