// SPDX-License-Identifier: BSD-3-Clause
#include "index/model_index.h"

#include <algorithm>
#include <new>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "index/flat_index.h"

namespace embeddingsdb {
namespace {

// Below this reading every vector takes a millisecond or two, which nobody notices, and is exact.
constexpr std::size_t kAutoGraphRows = 20'000;

// A graph of which more is gone leads searches through what is not there.
constexpr double kMostGone = 0.2;

// Comparing the m rows of a filter costs m; walking the graph of n rows to as many of them costs
// n / m times the walk without a filter, about this many comparisons.
constexpr double kWalk = 1'000;

// Who wants more than this part of all rows is served faster by comparing all.
constexpr std::size_t kWorthwhile = 16;

// While rows keep coming the graph grows by this part of itself at a time, and by at least so many
// rows: each time has costs of its own. When no more come it takes what is left.
constexpr std::size_t kGrowthPart = 8;
constexpr std::size_t kLeastGrowth = 4'096;

// Rows are handed over in pieces, so that changes wait for no more than one.
constexpr std::size_t kPiece = 256;

/// How many rows beyond k are compared exactly: the codes may order them otherwise.
std::size_t CandidateCount(std::size_t k, Precision precision) {
  return precision == Precision::kI8 ? 3 * k + 16 : 2 * k + 8;
}

}  // namespace

/// The rows of a model as one query sees them.
class ModelIndex::FilteredRows final : public RowView {
 public:
  /// `provider` is null for any.
  FilteredRows(const std::unordered_map<RowId, RowInfo>& rows,
               const Providers::value_type* provider, const IndexQuery& query,
               const Key* exclude_record)
      : rows_(rows),
        provider_(provider),
        exclude_(query.exclude.begin(), query.exclude.end()),
        exclude_record_(exclude_record) {
    std::sort(exclude_.begin(), exclude_.end());
  }

  const RowInfo& Info(RowId row) const { return rows_.find(row)->second; }
  /// How many rows the provider has, or nothing when all are asked.
  const Provider* provider() const { return provider_ == nullptr ? nullptr : &provider_->second; }
  bool filters() const {
    return provider_ != nullptr || exclude_record_ != nullptr || !exclude_.empty();
  }

  bool Allows(RowId row) const override {
    const auto it = rows_.find(row);
    if (it == rows_.end()) {
      return false;
    }
    const RowInfo& info = it->second;
    if (provider_ != nullptr && info.provider != provider_) {
      return false;
    }
    if (exclude_record_ != nullptr && info.depiction_id == exclude_record_->depiction_id &&
        info.provider->first == exclude_record_->provider) {
      return false;
    }
    return !std::binary_search(exclude_.begin(), exclude_.end(), info.depiction_id);
  }

  bool Before(RowId a, RowId b) const override {
    const RowInfo& info_a = Info(a);
    const RowInfo& info_b = Info(b);
    if (info_a.provider != info_b.provider) {
      return info_a.provider->first < info_b.provider->first;
    }
    if (const int order = info_a.depiction_id.compare(info_b.depiction_id); order != 0) {
      return order < 0;
    }
    return a < b;
  }

 private:
  const std::unordered_map<RowId, RowInfo>& rows_;
  const Providers::value_type* provider_;
  std::vector<std::string_view> exclude_;  // sorted
  const Key* exclude_record_;
};

ModelIndex::ModelIndex(const IndexSetOptions& options, int dimension)
    : options_(options),
      dimension_(static_cast<std::size_t>(dimension)),
      vectors_(NewFlatIndex(options.metric, dimension)) {}

void ModelIndex::Reset(std::size_t dimension) {
  dimension_ = dimension;
  vectors_ = NewFlatIndex(options_.metric, static_cast<int>(dimension));
  providers_.clear();
  arrivals_.clear();
  graph_.reset();
  gone_from_graph_ = 0;
  ++epoch_;
}

Status ModelIndex::Add(RowId row, std::string_view provider, std::string_view depiction_id,
                       std::span<const float> vector) {
  if (!arrivals_.empty() && row <= arrivals_.back()) {
    return InternalError(Concat("row ", row, " comes after row ", arrivals_.back()));
  }
  EDB_TRY(vectors_->Add(row, vector));
  auto name = providers_.find(provider);
  if (name == providers_.end()) {
    name = providers_.emplace(provider, Provider()).first;
  }
  rows_.emplace(row, RowInfo{&*name, std::string(depiction_id)});
  if (options_.mode != IndexMode::kExact) {
    name->second.rows.push_back(row);
    ++name->second.size;
    arrivals_.push_back(row);
  }
  return {};
}

Status ModelIndex::Replace(const IndexRow& row) {
  if (row.replaced) {
    Remove(*row.replaced);
  }
  const std::size_t length = row.vector.size();
  if (rows_.empty() && length >= kMinDimension && length <= kMaxDimension && length != dimension_) {
    Reset(length);
  }
  return Add(row.row, row.key->provider, row.key->depiction_id, row.vector);
}

void ModelIndex::Remove(RowId row) {
  const auto it = rows_.find(row);
  if (it == rows_.end()) {
    return;
  }
  Provider& provider = it->second.provider->second;
  rows_.erase(it);
  vectors_->Remove(row);
  if (options_.mode != IndexMode::kExact) {
    --provider.size;
    Forget(provider);
  }
  if (graph_ != nullptr && row <= graph_end_) {
    ++gone_from_graph_;
  }
  if (row <= growth_.last_row) {
    ++growth_.gone;
  }
}

/// Keeps a provider's list from being mostly of rows that are gone.
void ModelIndex::Forget(Provider& provider) {
  if (provider.rows.size() > 2 * provider.size + kPiece) {
    std::erase_if(provider.rows, [this](RowId row) { return !rows_.contains(row); });
  }
}

std::optional<std::vector<RowId>> ModelIndex::Candidates(const IndexQuery& query,
                                                         const FilteredRows& view) const {
  if (graph_ == nullptr || query.exact) {
    return std::nullopt;
  }
  const auto k = static_cast<std::size_t>(query.k);
  if (const Provider* provider = view.provider()) {
    const auto matching = static_cast<double>(provider->size);
    if (matching * matching <= kWalk * static_cast<double>(rows_.size())) {
      return provider->rows;
    }
  }
  const std::size_t count = CandidateCount(k, options_.precision);
  if (count > rows_.size() / kWorthwhile) {
    return std::nullopt;
  }
  GraphIndex::RowFilter filter;
  if (view.filters() || gone_from_graph_ > 0) {
    filter = [&view](RowId row) { return view.Allows(row); };
  }
  std::vector<RowId> rows = graph_->Search(query.embedding, count, filter);
  if (rows.size() < k) {
    return std::nullopt;  // the graph leads to no more, but there may be more
  }
  for (const RowId row : graph_->hidden()) {
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) {
      rows.push_back(row);
    }
  }
  rows.insert(rows.end(), Tail(), arrivals_.end());
  return rows;
}

Result<std::vector<IndexHit>> ModelIndex::Search(std::string_view model,
                                                 const IndexQuery& query) const {
  if (rows_.empty()) {
    return std::vector<IndexHit>{};
  }
  if (query.embedding.size() != dimension_) {
    return InvalidArgumentError(Concat("the query has ", query.embedding.size(),
                                       " elements, but the vectors of model ", Quote(model),
                                       " have ", dimension_));
  }
  const Providers::value_type* provider = nullptr;
  if (query.provider) {
    const auto name = providers_.find(*query.provider);
    if (name == providers_.end()) {
      return std::vector<IndexHit>{};
    }
    provider = &*name;
  }
  const bool of_model = query.exclude_record != nullptr && query.exclude_record->model == model;
  const FilteredRows view(rows_, provider, query, of_model ? query.exclude_record : nullptr);
  const SearchOptions options = {.k = query.k, .max_distance = query.max_distance, .rows = &view};
  const std::optional<std::vector<RowId>> candidates = Candidates(query, view);
  EDB_ASSIGN(const std::vector<Neighbor> neighbors,
             candidates ? vectors_->SearchAmong(query.embedding, options, *candidates)
                        : vectors_->Search(query.embedding, options));
  std::vector<IndexHit> hits;
  hits.reserve(neighbors.size());
  for (const Neighbor& neighbor : neighbors) {
    const RowInfo& info = view.Info(neighbor.row);
    hits.push_back({neighbor.row, neighbor.distance,
                    Key{info.provider->first, info.depiction_id, std::string(model)}});
  }
  return hits;
}

std::size_t ModelIndex::memory_bytes() const {
  // A node of the map has the pair and a pointer, and the allocator's header.
  constexpr std::size_t kNodeBytes = sizeof(std::pair<RowId, RowInfo>) + 2 * sizeof(void*);
  const std::size_t in_place = std::string().capacity();
  std::size_t bytes = vectors_->memory_bytes() + rows_.size() * kNodeBytes +
                      rows_.bucket_count() * sizeof(void*) + arrivals_.capacity() * sizeof(RowId) +
                      (graph_ == nullptr ? 0 : graph_->memory_bytes());
  for (const auto& [name, provider] : providers_) {
    bytes += provider.rows.capacity() * sizeof(RowId);
  }
  for (const auto& [row, info] : rows_) {
    if (info.depiction_id.capacity() > in_place) {
      bytes += info.depiction_id.capacity() + 1;
    }
  }
  return bytes;
}

bool ModelIndex::WorthAGraph() const {
  return options_.mode == IndexMode::kHnsw ||
         (options_.mode == IndexMode::kAuto && rows_.size() >= kAutoGraphRows);
}

bool ModelIndex::TooManyGone(std::size_t gone, std::size_t size) const {
  return size > 0 && static_cast<double>(gone) > kMostGone * static_cast<double>(size);
}

std::vector<RowId>::const_iterator ModelIndex::Tail() const {
  return graph_ == nullptr ? arrivals_.begin()
                           : std::upper_bound(arrivals_.begin(), arrivals_.end(), graph_end_);
}

ModelIndex::Growing ModelIndex::Look() {
  const auto lock = LockForSearch();
  if (abandoned_.stop_requested() || rows_.empty() || !WorthAGraph()) {
    return Growing::kDone;
  }
  const auto tail = static_cast<std::size_t>(arrivals_.end() - Tail());
  const std::size_t size = graph_size();
  if (tail == 0) {
    return TooManyGone(gone_from_graph_, size) ? Growing::kNow : Growing::kDone;
  }
  const bool idle = arrivals_.back() == seen_;
  seen_ = arrivals_.back();
  return idle || tail >= std::max(kLeastGrowth, size / kGrowthPart) ? Growing::kNow
                                                                    : Growing::kSoon;
}

/// Begins a new graph of the rows that are there.
void ModelIndex::Restart() {
  const auto lock = LockForChange();
  std::erase_if(arrivals_, [this](RowId row) { return !rows_.contains(row); });
  growth_ = {.builder = std::make_unique<GraphIndexBuilder>(options_.metric, options_.precision,
                                                            static_cast<int>(dimension_)),
             .epoch = epoch_};
}

/// Hands the rows that have come to the builder.
Status ModelIndex::TakeArrivals(const std::stop_token& stop) {
  std::vector<RowId> rows;
  std::vector<float> vectors;
  for (;;) {
    if (stop.stop_requested() || abandoned_.stop_requested()) {
      return CancelledError("building the index was stopped");
    }
    rows.clear();
    vectors.clear();
    {
      // For change, because of what is noted in growth_; it is brief.
      const auto lock = LockForChange();
      if (growth_.epoch != epoch_) {
        return CancelledError("the model has begun anew");
      }
      const std::size_t end = std::min(growth_.taken + kPiece, arrivals_.size());
      for (; growth_.taken < end; ++growth_.taken) {
        const RowId row = arrivals_[growth_.taken];
        const std::span<const float> vector = vectors_->Vector(row);
        if (!vector.empty()) {
          rows.push_back(row);
          vectors.insert(vectors.end(), vector.begin(), vector.end());
        }
        growth_.last_row = row;
      }
      if (rows.empty() && growth_.taken == arrivals_.size()) {
        return {};
      }
    }
    const std::size_t length = rows.empty() ? 0 : vectors.size() / rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EDB_TRY(growth_.builder->Add(rows[i], std::span(vectors).subspan(i * length, length)));
    }
  }
}

Status ModelIndex::GrowGraph(std::size_t threads, const std::stop_token& stop) {
  Status status;
  try {
    status = TryToGrow(threads, stop);
  } catch (const std::bad_alloc&) {
    status = ResourceExhaustedError("no memory for the graph");
  }
  if (!status.ok()) {
    const auto lock = LockForChange();
    growth_ = {};
  }
  return status;
}

Status ModelIndex::TryToGrow(std::size_t threads, const std::stop_token& stop) {
  std::stop_source either;
  const std::stop_callback first(stop, [&] { either.request_stop(); });
  const std::stop_callback second(abandoned_.get_token(), [&] { either.request_stop(); });
  bool anew = growth_.builder == nullptr;
  if (!anew) {
    const auto lock = LockForSearch();
    anew = growth_.epoch != epoch_ || TooManyGone(growth_.gone, growth_.builder->size());
  }
  if (anew) {
    Restart();
  }
  EDB_TRY(TakeArrivals(either.get_token()));
  // What was there is freed after the lock.
  EDB_ASSIGN(std::shared_ptr<const GraphIndex> graph,
             growth_.builder->Build({.threads = threads, .stop = either.get_token()}));
  const auto lock = LockForChange();
  if (growth_.epoch == epoch_) {
    graph_.swap(graph);
    graph_end_ = growth_.last_row;
    gone_from_graph_ = growth_.gone;
  }
  return {};
}

}  // namespace embeddingsdb
