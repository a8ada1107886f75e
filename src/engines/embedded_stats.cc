// SPDX-License-Identifier: BSD-3-Clause
#include "engines/embedded_stats.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace embeddingsdb {
namespace {

SearchKind KindOf(const EmbeddedParts& parts, std::int64_t records) {
  if (parts.store.searches()) {
    return SearchKind::kStore;
  }
  const bool graph = parts.options.index != IndexMode::kExact &&
                     parts.index.IsWorthwhile(static_cast<std::size_t>(records));
  return graph ? SearchKind::kHnsw : SearchKind::kExact;
}

/// What is said of a model by what has been loaded of it, or else by the end of its file.
void AddIndex(const EmbeddedParts& parts, ModelStats& model) {
  model.file_bytes = parts.files.BytesOf(model.name);
  if (model.search == SearchKind::kStore) {
    return;
  }
  if (const auto loaded = parts.index.StatsOf(model.name)) {
    model.loaded = true;
    model.graph_rows = static_cast<std::int64_t>(loaded->graph_rows);
    model.file_rows = static_cast<std::int64_t>(loaded->file_rows);
    model.tail_rows = static_cast<std::int64_t>(loaded->tail_rows);
    model.memory_bytes = static_cast<std::int64_t>(loaded->memory_bytes);
    return;
  }
  model.tail_rows = model.records;
  const std::optional<IndexFileSummary> file = parts.files.Peek(model.name);
  if (!file || file->metric != parts.options.metric || file->precision != model.precision ||
      file->dimension != model.dimension) {
    return;  // searches would not use it either
  }
  model.file_rows = static_cast<std::int64_t>(file->rows);
  const bool graph = file->has_graph && parts.options.index != IndexMode::kExact;
  model.graph_rows = graph ? model.file_rows : 0;
  model.tail_rows = std::max<std::int64_t>(0, model.records - model.file_rows);
}

}  // namespace

std::int64_t RecordsOf(const Catalog::Model& model) {
  std::int64_t records = 0;
  for (const auto& [provider, count] : model.providers) {
    records += count;
  }
  return records;
}

Result<DatabaseStats> GatherStats(const EmbeddedParts& parts) {
  DatabaseStats stats;
  EDB_ASSIGN(stats.last_update, parts.store.LastUpdate());
  EDB_ASSIGN(StoreFacts facts, parts.store.Facts());
  stats.files = facts.files;
  stats.files.index += parts.files.Bytes();
  stats.facts = std::move(facts.facts);
  for (const auto& [name, entry] : parts.catalog.models) {
    ModelStats model{.name = name,
                     .dimension = entry.dimension,
                     .records = RecordsOf(entry),
                     .providers = static_cast<std::int64_t>(entry.providers.size()),
                     .precision = parts.options.precision};
    model.search = KindOf(parts, model.records);
    if (model.search != SearchKind::kStore) {
      model.metric = parts.options.metric;
    }
    AddIndex(parts, model);
    stats.records += model.records;
    stats.index_memory_bytes += model.memory_bytes;
    stats.models.push_back(std::move(model));
  }
  return stats;
}

}  // namespace embeddingsdb
