// SPDX-License-Identifier: BSD-3-Clause
#include "index/index_set.h"

#include <algorithm>
#include <chrono>
#include <sys/resource.h>
#include <system_error>
#include <tuple>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/log.h"
#include "core/text.h"
#include "index/distance.h"
#include "index/index_file.h"
#include "index/model_index.h"

namespace embeddingsdb {
namespace {

/// How long new rows are left to gather before they are looked at again.
constexpr std::chrono::milliseconds kGather{200};

/// Others come first: this is the largest number that leaves some of the processor to it.
[[maybe_unused]] constexpr int kNice = 10;

/// Adds what it is given to a model that nobody else sees yet.
IndexSet::RowSink AddTo(ModelIndex& index) {
  return [&index](const StoredRow& row) {
    return index.Add({row.row, row.provider, row.depiction_id, row.details}, row.vector);
  };
}

/// Candidates read from the store at once, after the first k.
constexpr std::size_t kReadAtOnce = 64;

bool Before(const IndexHit& a, const IndexHit& b) {
  return std::tie(a.distance, a.key, a.row) < std::tie(b.distance, b.key, b.row);
}

/// The k nearest of the candidates by their exact distances: reads vectors of those whose bounds
/// leave it open, the likeliest first, until the rest is certainly further.
class NearestByReading {
 public:
  NearestByReading(Metric metric, const IndexQuery& query, const IndexSet::VectorReader& read)
      : metric_(metric), query_(query), read_(read), limit_(query.max_distance) {}

  /// False when a row is gone.
  Result<bool> Take(std::span<const IndexCandidate> candidates) {
    std::size_t at_once = k();
    while (!candidates.empty() && candidates.front().bounds.low <= limit_) {
      const std::size_t taken = std::min(at_once, candidates.size());
      EDB_ASSIGN(const bool all, Read(candidates.first(taken)));
      if (!all) {
        return false;
      }
      candidates = candidates.subspan(taken);
      at_once = kReadAtOnce;
    }
    return true;
  }

  std::vector<IndexHit> Finish() {
    KeepNearest();
    std::sort(nearest_.begin(), nearest_.end(), Before);
    return std::move(nearest_);
  }

 private:
  std::size_t k() const { return static_cast<std::size_t>(query_.k); }

  Result<bool> Read(std::span<const IndexCandidate> candidates) {
    std::vector<IndexHit> hits;
    for (const IndexCandidate& candidate : candidates) {
      if (candidate.bounds.low <= limit_) {
        hits.push_back(candidate.hit);
      }
    }
    EDB_ASSIGN(const std::vector<std::span<const float>> vectors, read_(hits));
    for (std::size_t i = 0; i < hits.size(); ++i) {
      if (vectors[i].size() != query_.embedding.size()) {
        return false;
      }
      hits[i].distance = ExactDistance(metric_, query_.embedding, vectors[i]);
      if (hits[i].distance <= limit_) {
        nearest_.push_back(std::move(hits[i]));
      }
    }
    KeepNearest();
    return true;
  }

  void KeepNearest() {
    if (nearest_.size() < k()) {
      return;
    }
    const auto last = nearest_.begin() + static_cast<std::ptrdiff_t>(k() - 1);
    std::nth_element(nearest_.begin(), last, nearest_.end(), Before);
    nearest_.erase(last + 1, nearest_.end());
    limit_ = nearest_.back().distance;
  }

  Metric metric_;
  const IndexQuery& query_;
  const IndexSet::VectorReader& read_;
  float limit_;
  std::vector<IndexHit> nearest_;
};

Result<std::optional<std::vector<IndexHit>>> NearestOf(std::vector<IndexCandidate> candidates,
                                                       Metric metric, const IndexQuery& query,
                                                       const IndexSet::VectorReader& read) {
  const bool known = std::all_of(candidates.begin(), candidates.end(),
                                 [](const IndexCandidate& one) { return one.bounds.known(); });
  if (known) {
    std::vector<IndexHit> hits;
    hits.reserve(candidates.size());
    for (IndexCandidate& candidate : candidates) {
      hits.push_back(std::move(candidate.hit));
    }
    return std::optional(std::move(hits));
  }
  NearestByReading nearest(metric, query, read);
  EDB_ASSIGN(const bool all, nearest.Take(candidates));
  return all ? std::optional(nearest.Finish()) : std::nullopt;
}

}  // namespace

IndexSet::~IndexSet() {
  Stop();
}

std::shared_ptr<ModelIndex> IndexSet::Find(std::string_view model) const {
  const std::shared_lock lock(mutex_);
  const auto it = models_.find(model);
  return it == models_.end() ? nullptr : it->second;
}

bool IndexSet::IsLoaded(std::string_view model) const {
  return Find(model) != nullptr;
}

/// What the file has, and what has come since; nothing when they do not add up.
Result<std::shared_ptr<ModelIndex>> IndexSet::LoadFile(std::string_view model,
                                                       const Source& source) const {
  if (options_.files == nullptr) {
    return NotFoundError("there are no files");
  }
  const VectorCodec codec(options_.metric, options_.precision, source.dimension);
  EDB_ASSIGN(const std::shared_ptr<const IndexFile> file, options_.files->Open(model, codec));
  auto loaded = std::make_shared<ModelIndex>(options_, source.dimension, file);
  const RowId last = loaded->last_row();
  EDB_TRY(source.visit(last, AddTo(*loaded)));
  if (loaded->size() == source.rows) {
    return loaded;
  }
  // Ids are never given twice, so what the store has no more is what was removed since.
  EDB_ASSIGN(std::vector<RowId> rows, source.list(loaded->last_row()));
  if (loaded->KeepOnly(rows) != source.rows) {
    return NotFoundError("the file lacks rows");
  }
  return loaded;
}

Status IndexSet::Load(std::string_view model, const Source& source) {
  if (source.dimension < kMinDimension || source.dimension > kMaxDimension) {
    return InvalidArgumentError(Concat("the dimension of model ", Quote(model), " is ",
                                       source.dimension, "; it must be ", kMinDimension, " to ",
                                       kMaxDimension));
  }
  // Nobody else sees the model before it is full, so filling it holds up no search of another.
  Result<std::shared_ptr<ModelIndex>> from_file = LoadFile(model, source);
  std::shared_ptr<ModelIndex> loaded;
  if (from_file.ok()) {
    loaded = *std::move(from_file);
  } else {
    loaded = std::make_shared<ModelIndex>(options_, source.dimension);
    EDB_TRY(source.visit(0, AddTo(*loaded)));
  }
  Install(model, std::move(loaded));
  Wake();
  return {};
}

void IndexSet::Install(std::string_view model, std::shared_ptr<ModelIndex> loaded) {
  {
    const std::unique_lock lock(mutex_);
    models_[std::string(model)].swap(loaded);  // what was there is freed after the lock
  }
  if (loaded != nullptr) {
    loaded->Abandon();
  }
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
  Wake();
  return {};
}

void IndexSet::Remove(std::string_view model, RowId row) {
  if (const std::shared_ptr<ModelIndex> index = Find(model)) {
    const auto lock = index->LockForChange();
    index->Remove(row);
  }
  Wake();
}

void IndexSet::Unload(std::string_view model) {
  std::shared_ptr<ModelIndex> unloaded;  // freed after the lock: it may be large
  const std::unique_lock lock(mutex_);
  const auto it = models_.find(model);
  if (it == models_.end()) {
    return;
  }
  unloaded = std::move(it->second);
  unloaded->Abandon();
  models_.erase(it);
}

void IndexSet::Clear() {
  Models unloaded;  // freed after the lock
  const std::unique_lock lock(mutex_);
  models_.swap(unloaded);
  for (const auto& [model, index] : unloaded) {
    index->Abandon();
  }
}

Result<std::optional<std::vector<IndexHit>>> IndexSet::Search(std::string_view model,
                                                              const IndexQuery& query,
                                                              const VectorReader& read) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return FailedPreconditionError(Concat("model ", Quote(model), " is not loaded"));
  }
  std::optional<std::vector<IndexCandidate>> candidates;
  {
    const auto lock = index->LockForSearch();
    EDB_ASSIGN(candidates, index->Search(model, query));
  }
  if (!candidates) {
    return std::optional<std::vector<IndexHit>>();
  }
  return NearestOf(*std::move(candidates), options_.metric, query, read);
}

std::size_t IndexSet::size(std::string_view model) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return 0;
  }
  const auto lock = index->LockForSearch();
  return index->size();
}

std::size_t IndexSet::graph_size(std::string_view model) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return 0;
  }
  const auto lock = index->LockForSearch();
  return index->graph_size();
}

std::size_t IndexSet::file_size(std::string_view model) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return 0;
  }
  const auto lock = index->LockForSearch();
  return index->file_size();
}

std::size_t IndexSet::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [model, index] : All()) {
    const auto lock = index->LockForSearch();
    bytes += index->memory_bytes();
  }
  return bytes;
}

std::vector<std::pair<std::string, std::shared_ptr<ModelIndex>>> IndexSet::All() const {
  const std::shared_lock lock(mutex_);
  return {models_.begin(), models_.end()};
}

void IndexSet::Stop() {
  Clear();
  std::jthread worker;
  {
    const std::lock_guard lock(work_mutex_);
    stopped_ = true;
    worker.swap(worker_);
  }
  worker.request_stop();
}

void IndexSet::Wake() {
  const std::lock_guard lock(work_mutex_);
  if (stopped_) {
    return;
  }
  pending_ = true;
  if (worker_.joinable()) {
    work_.notify_one();
    return;
  }
  try {
    worker_ = std::jthread([this](const std::stop_token& stop) { Grow(stop); });
  } catch (const std::system_error&) {
    worker_ = {};  // searches go on comparing all vectors, and the next change tries again
  }
}

/// Searches do not depend on it: what fails is tried again when more rows have come.
bool IndexSet::GrowOne(const std::string& model, ModelIndex& index, std::size_t threads,
                       const std::stop_token& stop) {
  const Status status = index.Grow(model, threads, stop);
  if (!status.ok() && status.code() != StatusCode::kCancelled && options_.log != nullptr) {
    options_.log->Warn("Cannot build or keep the index",
                       {{"model", model}, {"error", status.ToString()}});
  }
  return status.ok();
}

void IndexSet::Grow(const std::stop_token& stop) {
#if defined(__linux__)
  // There the number is this thread's alone, and that of the threads it starts.
  (void)setpriority(PRIO_PROCESS, 0, kNice);
#endif
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::unique_lock lock(work_mutex_);
  while (work_.wait(lock, stop, [this] { return pending_; })) {
    pending_ = false;
    work_.wait_for(lock, stop, kGather, [] { return false; });
    lock.unlock();
    bool again = false;
    for (const auto& [model, index] : All()) {
      const ModelIndex::Growing growing = index->Look();
      again = again || growing == ModelIndex::Growing::kSoon ||
              (growing == ModelIndex::Growing::kNow && GrowOne(model, *index, threads, stop));
    }
    lock.lock();
    pending_ = pending_ || again;
  }
}

std::optional<IndexSet::Stats> IndexSet::StatsOf(std::string_view model) const {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return std::nullopt;
  }
  const auto lock = index->LockForSearch();
  Stats stats{.rows = index->size(),
              .gone = index->gone(),
              .graph_rows = index->graph_size(),
              .file_rows = index->file_size(),
              .memory_bytes = index->memory_bytes()};
  const std::size_t found = stats.graph_rows > 0 ? stats.graph_rows : stats.file_rows;
  stats.tail_rows = index->rows().size() - found;
  return stats;
}

bool IndexSet::IsWorthwhile(std::size_t rows) const {
  return IndexIsWorthwhile(options_.mode, options_.files != nullptr && options_.files->writable(),
                           rows);
}

Status IndexSet::LoadAnew(std::string_view model, const Source& source) {
  auto loaded = std::make_shared<ModelIndex>(options_, source.dimension);
  EDB_TRY(source.visit(0, AddTo(*loaded)));
  loaded->Hold(true);
  Install(model, std::move(loaded));
  return {};
}

Status IndexSet::Build(std::string_view model) {
  const std::shared_ptr<ModelIndex> index = Find(model);
  if (!index) {
    return CancelledError(Concat("model ", Quote(model), " was unloaded meanwhile"));
  }
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  const Status built = index->Grow(model, threads, {});
  index->Hold(false);
  Wake();
  return built;
}

}  // namespace embeddingsdb
