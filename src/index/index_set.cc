// SPDX-License-Identifier: BSD-3-Clause
#include "index/index_set.h"

#include <algorithm>
#include <chrono>
#include <sys/resource.h>
#include <system_error>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "index/model_index.h"

namespace embeddingsdb {
namespace {

/// How long new rows are left to gather before they are looked at again.
constexpr std::chrono::milliseconds kGather{200};

/// Others come first: this is the largest number that leaves some of the processor to it.
[[maybe_unused]] constexpr int kNice = 10;

}  // namespace

IndexSet::~IndexSet() {
  Clear();
}

std::shared_ptr<ModelIndex> IndexSet::Find(std::string_view model) const {
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
  auto loaded = std::make_shared<ModelIndex>(options_, dimension);
  EDB_TRY(fill([&](RowId row, std::string_view provider, std::string_view depiction_id,
                   std::span<const float> vector) {
    return loaded->Add(row, provider, depiction_id, vector);
  }));
  {
    const std::unique_lock lock(mutex_);
    models_[std::string(model)].swap(loaded);  // what was there is freed after the lock
  }
  if (loaded != nullptr) {
    loaded->Abandon();
  }
  Wake();
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

std::size_t IndexSet::memory_bytes() const {
  std::size_t bytes = 0;
  for (const std::shared_ptr<ModelIndex>& index : All()) {
    const auto lock = index->LockForSearch();
    bytes += index->memory_bytes();
  }
  return bytes;
}

std::vector<std::shared_ptr<ModelIndex>> IndexSet::All() const {
  std::vector<std::shared_ptr<ModelIndex>> indexes;
  const std::shared_lock lock(mutex_);
  for (const auto& [model, index] : models_) {
    indexes.push_back(index);
  }
  return indexes;
}

void IndexSet::Wake() {
  if (options_.mode == IndexMode::kExact) {
    return;
  }
  const std::lock_guard lock(work_mutex_);
  pending_ = true;
  if (worker_.joinable()) {
    work_.notify_one();
    return;
  }
  try {
    worker_ = std::jthread([this](const std::stop_token& stop) { Grow(stop); });
  } catch (const std::system_error&) {
    // Searches go on comparing all vectors; the next change tries again.
  }
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
    for (const std::shared_ptr<ModelIndex>& index : All()) {
      const ModelIndex::Growing growing = index->Look();
      // What fails is tried again with the next change: searches do not depend on it.
      again = again || growing == ModelIndex::Growing::kSoon ||
              (growing == ModelIndex::Growing::kNow && index->GrowGraph(threads, stop).ok());
    }
    lock.lock();
    pending_ = pending_ || again;
  }
}

}  // namespace embeddingsdb
