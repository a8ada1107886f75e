// SPDX-License-Identifier: BSD-3-Clause
#include "index/index_set.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "index/flat_index.h"

namespace embeddingsdb {
namespace {

/// What filters and ties need to know of a row.
struct RowInfo {
  const std::string* provider = nullptr;  ///< one string a provider: equal when the pointers are
  std::string depiction_id;
};
using RowInfos = std::unordered_map<RowId, RowInfo>;

/// The rows of a model as one query sees them.
class FilteredRows final : public RowView {
 public:
  /// `provider` is null for any.
  FilteredRows(const RowInfos& rows, const std::string* provider, const IndexQuery& query,
               const Key* exclude_record)
      : rows_(rows),
        provider_(provider),
        exclude_(query.exclude.begin(), query.exclude.end()),
        exclude_record_(exclude_record) {
    std::sort(exclude_.begin(), exclude_.end());
  }

  const RowInfo& Info(RowId row) const { return rows_.find(row)->second; }

  bool Allows(RowId row) const override {
    const RowInfo& info = Info(row);
    if (provider_ != nullptr && info.provider != provider_) {
      return false;
    }
    if (exclude_record_ != nullptr && info.depiction_id == exclude_record_->depiction_id &&
        *info.provider == exclude_record_->provider) {
      return false;
    }
    return !std::binary_search(exclude_.begin(), exclude_.end(), info.depiction_id);
  }

  bool Before(RowId a, RowId b) const override {
    const RowInfo& info_a = Info(a);
    const RowInfo& info_b = Info(b);
    if (info_a.provider != info_b.provider) {
      return *info_a.provider < *info_b.provider;
    }
    if (const int order = info_a.depiction_id.compare(info_b.depiction_id); order != 0) {
      return order < 0;
    }
    return a < b;
  }

 private:
  const RowInfos& rows_;
  const std::string* provider_;
  std::vector<std::string_view> exclude_;  // sorted
  const Key* exclude_record_;
};

}  // namespace

struct IndexSet::ModelIndex {
  ModelIndex(Metric its_metric, int its_dimension)
      : metric(its_metric),
        dimension(static_cast<std::size_t>(its_dimension)),
        vectors(NewFlatIndex(its_metric, its_dimension)) {}

  // Everyone queues at the turnstile, so that a change that waits for running searches is not
  // overtaken by new ones for ever: std::shared_mutex alone promises nothing.
  std::shared_lock<std::shared_mutex> LockForSearch() const {
    const std::lock_guard turn(turnstile);
    return std::shared_lock(mutex);
  }
  std::unique_lock<std::shared_mutex> LockForChange() const {
    const std::lock_guard turn(turnstile);
    return std::unique_lock(mutex);
  }

  Status Add(RowId row, std::string_view provider, std::string_view depiction_id,
             std::span<const float> vector);
  Status Replace(const IndexRow& row);
  bool Remove(RowId row) { return rows.erase(row) != 0 && vectors->Remove(row); }
  Result<std::vector<IndexHit>> Search(std::string_view model, const IndexQuery& query) const;
  std::size_t memory_bytes() const;

  mutable std::mutex turnstile;
  mutable std::shared_mutex mutex;  // guards what follows, once the model is in the set
  Metric metric;
  std::size_t dimension;
  std::unique_ptr<VectorIndex> vectors;
  std::set<std::string, std::less<>> providers;  // RowInfo points at these
  RowInfos rows;
};

Status IndexSet::ModelIndex::Add(RowId row, std::string_view provider,
                                 std::string_view depiction_id, std::span<const float> vector) {
  EDB_TRY(vectors->Add(row, vector));
  auto name = providers.find(provider);
  if (name == providers.end()) {
    name = providers.emplace(provider).first;
  }
  rows.emplace(row, RowInfo{&*name, std::string(depiction_id)});
  return {};
}

Status IndexSet::ModelIndex::Replace(const IndexRow& row) {
  if (row.replaced) {
    Remove(*row.replaced);
  }
  const std::size_t length = row.vector.size();
  if (rows.empty() && length >= kMinDimension && length <= kMaxDimension && length != dimension) {
    dimension = length;
    vectors = NewFlatIndex(metric, static_cast<int>(length));
  }
  return Add(row.row, row.key->provider, row.key->depiction_id, row.vector);
}

Result<std::vector<IndexHit>> IndexSet::ModelIndex::Search(std::string_view model,
                                                           const IndexQuery& query) const {
  if (rows.empty()) {
    return std::vector<IndexHit>{};
  }
  if (query.embedding.size() != dimension) {
    return InvalidArgumentError(Concat("the query has ", query.embedding.size(),
                                       " elements, but the vectors of model ", Quote(model),
                                       " have ", dimension));
  }
  const std::string* provider = nullptr;
  if (query.provider) {
    const auto name = providers.find(*query.provider);
    if (name == providers.end()) {
      return std::vector<IndexHit>{};
    }
    provider = &*name;
  }
  const bool of_model = query.exclude_record != nullptr && query.exclude_record->model == model;
  const FilteredRows view(rows, provider, query, of_model ? query.exclude_record : nullptr);
  EDB_ASSIGN(const std::vector<Neighbor> neighbors,
             vectors->Search(query.embedding,
                             {.k = query.k, .max_distance = query.max_distance, .rows = &view}));
  std::vector<IndexHit> hits;
  hits.reserve(neighbors.size());
  for (const Neighbor& neighbor : neighbors) {
    const RowInfo& info = view.Info(neighbor.row);
    hits.push_back({neighbor.row, neighbor.distance,
                    Key{*info.provider, info.depiction_id, std::string(model)}});
  }
  return hits;
}

std::size_t IndexSet::ModelIndex::memory_bytes() const {
  // A node of the map has the pair and a pointer, and the allocator's header.
  constexpr std::size_t kNodeBytes = sizeof(RowInfos::value_type) + 2 * sizeof(void*);
  const std::size_t in_place = std::string().capacity();
  std::size_t bytes =
      vectors->memory_bytes() + rows.size() * kNodeBytes + rows.bucket_count() * sizeof(void*);
  for (const auto& [row, info] : rows) {
    if (info.depiction_id.capacity() > in_place) {
      bytes += info.depiction_id.capacity() + 1;
    }
  }
  return bytes;
}

std::shared_ptr<IndexSet::ModelIndex> IndexSet::Find(std::string_view model) const {
  const std::shared_lock lock(mutex_);
  const auto it = models_.find(model);
  return it == models_.end() ? nullptr : it->second;
}

bool IndexSet::IsLoaded(std::string_view model) const {
  return Find(model) != nullptr;
}

Status IndexSet::Load(std::string_view model, int dimension,
                      const std::function<Status(const RowSink&)>& fill) {
  if (dimension < kMinDimension || dimension > kMaxDimension) {
    return InvalidArgumentError(Concat("the dimension of model ", Quote(model), " is ", dimension,
                                       "; it must be ", kMinDimension, " to ", kMaxDimension));
  }
  // Nobody else sees the model before it is full, so filling it holds up no search of another.
  auto loaded = std::make_shared<ModelIndex>(metric_, dimension);
  EDB_TRY(fill([&](RowId row, std::string_view provider, std::string_view depiction_id,
                   std::span<const float> vector) {
    return loaded->Add(row, provider, depiction_id, vector);
  }));
  const std::unique_lock lock(mutex_);
  models_[std::string(model)].swap(loaded);  // what was there is freed after the lock
  return {};
}

Status IndexSet::AddBatch(std::span<const IndexRow> rows) {
  while (!rows.empty()) {
    const std::string& model = rows.front().key->model;
    const auto other = std::find_if(rows.begin(), rows.end(),
                                    [&](const IndexRow& row) { return row.key->model != model; });
    const auto run = static_cast<std::size_t>(other - rows.begin());
    if (const std::shared_ptr<ModelIndex> index = Find(model)) {
      const auto lock = index->LockForChange();
      for (const IndexRow& row : rows.first(run)) {
        EDB_TRY(index->Replace(row));
      }
    }
    rows = rows.subspan(run);
  }
  return {};
}

void IndexSet::Remove(std::string_view model, RowId row) {
  if (const std::shared_ptr<ModelIndex> index = Find(model)) {
    const auto lock = index->LockForChange();
    index->Remove(row);
  }
}

void IndexSet::Unload(std::string_view model) {
  std::shared_ptr<ModelIndex> unloaded;  // freed after the lock: it may be large
  const std::unique_lock lock(mutex_);
  const auto it = models_.find(model);
  if (it == models_.end()) {
    return;
  }
  unloaded = std::move(it->second);
  models_.erase(it);
}

void IndexSet::Clear() {
  decltype(models_) unloaded;  // freed after the lock
  const std::unique_lock lock(mutex_);
  models_.swap(unloaded);
}

Result<std::vector<IndexHit>> IndexSet::Search(std::string_view model,
                                               const IndexQuery& query) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return FailedPreconditionError(Concat("model ", Quote(model), " is not loaded"));
  }
  const auto lock = index->LockForSearch();
  return index->Search(model, query);
}

std::size_t IndexSet::size(std::string_view model) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return 0;
  }
  const auto lock = index->LockForSearch();
  return index->rows.size();
}

std::size_t IndexSet::memory_bytes() const {
  std::vector<std::shared_ptr<ModelIndex>> indexes;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [model, index] : models_) {
      indexes.push_back(index);
    }
  }
  std::size_t bytes = 0;
  for (const std::shared_ptr<ModelIndex>& index : indexes) {
    const auto lock = index->LockForSearch();
    bytes += index->memory_bytes();
  }
  return bytes;
}

}  // namespace embeddingsdb
