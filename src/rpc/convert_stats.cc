// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/convert_stats.h"

#include <optional>
#include <string_view>

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr bool Same(SearchKind ours, v1::SearchKind message) {
  return static_cast<int>(ours) == static_cast<int>(message);
}
static_assert(Same(SearchKind::kExact, v1::SEARCH_KIND_EXACT));
static_assert(Same(SearchKind::kHnsw, v1::SEARCH_KIND_HNSW));
static_assert(Same(SearchKind::kStore, v1::SEARCH_KIND_STORE));

constexpr bool Same(Precision ours, v1::Precision message) {
  return static_cast<int>(ours) == static_cast<int>(message);
}
static_assert(Same(Precision::kBf16, v1::PRECISION_BF16));
static_assert(Same(Precision::kF32, v1::PRECISION_F32));
static_assert(Same(Precision::kF16, v1::PRECISION_F16));
static_assert(Same(Precision::kI8, v1::PRECISION_I8));

v1::Metric MetricMessage(std::optional<Metric> metric) {
  return metric ? static_cast<v1::Metric>(static_cast<int>(*metric) + 1) : v1::METRIC_UNSPECIFIED;
}
static_assert(static_cast<int>(Metric::kL2) + 1 == v1::METRIC_L2);
static_assert(static_cast<int>(Metric::kCosine) + 1 == v1::METRIC_COSINE);
static_assert(static_cast<int>(Metric::kInnerProduct) + 1 == v1::METRIC_INNER_PRODUCT);

std::optional<Metric> MetricFrom(v1::Metric metric) {
  return metric == v1::METRIC_UNSPECIFIED
             ? std::nullopt
             : std::optional(static_cast<Metric>(static_cast<int>(metric) - 1));
}

Status Unknown(std::string_view field, int value, int largest) {
  return UnimplementedError(
      Concat("the server's stats have ", field, " ", value, ", the largest known is ", largest));
}

void FillModel(const ModelStats& model, v1::GetStatsResponse::Model& message) {
  message.set_name(model.name);
  message.set_dimension(model.dimension);
  message.set_records(model.records);
  message.set_providers(model.providers);
  message.set_metric(MetricMessage(model.metric));
  message.set_search(static_cast<v1::SearchKind>(model.search));
  message.set_precision(static_cast<v1::Precision>(model.precision));
  message.set_loaded(model.loaded);
  message.set_graph_rows(model.graph_rows);
  message.set_file_rows(model.file_rows);
  message.set_tail_rows(model.tail_rows);
  message.set_file_bytes(model.file_bytes);
  message.set_memory_bytes(model.memory_bytes);
}

Result<ModelStats> ModelFrom(const v1::GetStatsResponse::Model& message) {
  if (!v1::SearchKind_IsValid(message.search())) {
    return Unknown("search", message.search(), v1::SearchKind_MAX);
  }
  if (!v1::Precision_IsValid(message.precision())) {
    return Unknown("precision", message.precision(), v1::Precision_MAX);
  }
  if (!v1::Metric_IsValid(message.metric())) {
    return Unknown("metric", message.metric(), v1::Metric_MAX);
  }
  return ModelStats{.name = message.name(),
                    .dimension = message.dimension(),
                    .records = message.records(),
                    .providers = message.providers(),
                    .metric = MetricFrom(message.metric()),
                    .search = static_cast<SearchKind>(message.search()),
                    .precision = static_cast<Precision>(message.precision()),
                    .loaded = message.loaded(),
                    .graph_rows = message.graph_rows(),
                    .file_rows = message.file_rows(),
                    .tail_rows = message.tail_rows(),
                    .file_bytes = message.file_bytes(),
                    .memory_bytes = message.memory_bytes()};
}

}  // namespace

void FillStats(const DatabaseStats& stats, v1::GetStatsResponse& response) {
  response.set_records(stats.records);
  response.set_last_update(stats.last_update);
  for (const ModelStats& model : stats.models) {
    FillModel(model, *response.add_models());
  }
  v1::GetStatsResponse::Files& files = *response.mutable_files();
  files.set_records(stats.files.records);
  files.set_log(stats.files.log);
  files.set_index(stats.files.index);
  files.set_other(stats.files.other);
  response.set_index_memory_bytes(stats.index_memory_bytes);
}

Result<DatabaseStats> StatsFrom(const v1::GetStatsResponse& response) {
  DatabaseStats stats;
  stats.records = response.records();
  stats.last_update = response.last_update();
  for (const v1::GetStatsResponse::Model& message : response.models()) {
    EDB_ASSIGN(ModelStats model, ModelFrom(message));
    stats.models.push_back(std::move(model));
  }
  const v1::GetStatsResponse::Files& files = response.files();
  stats.files = {.records = files.records(),
                 .log = files.log(),
                 .index = files.index(),
                 .other = files.other()};
  stats.index_memory_bytes = response.index_memory_bytes();
  return stats;
}

}  // namespace embeddingsdb
