// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/scale_store.h"

#include <algorithm>
#include <utility>

#include "embeddingsdb/limits.h"

namespace embeddingsdb {

ScaleStore::~ScaleStore() {
  thread_.request_stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

std::shared_ptr<const DistanceScale> ScaleStore::Find(const std::string& model) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(
      entries_, model, [](const auto& entry) -> const std::string& { return entry->model; });
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    Entry& entry = *entries_.front();
    if (!entry.due && now_() - entry.looked_at >= kScaleAge) {
      entry.due = true;
      wake_.notify_all();
    }
    return entry.scale;
  }
  entries_.push_front(std::make_shared<Entry>(Entry{.model = model}));
  if (entries_.size() > kMaxScales) {
    entries_.pop_back();
  }
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
  }
  wake_.notify_all();
  return nullptr;
}

std::shared_ptr<ScaleStore::Entry> ScaleStore::Due() const {
  const auto found = std::ranges::find_if(entries_, [](const auto& entry) { return entry->due; });
  return found == entries_.end() ? nullptr : *found;
}

void ScaleStore::Work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, stop, [this] { return Due() != nullptr; });
    if (stop.stop_requested()) {
      return;
    }
    const std::shared_ptr<Entry> entry = Due();
    const std::shared_ptr<const DistanceScale> before = entry->scale;
    lock.unlock();
    Result<std::shared_ptr<const DistanceScale>> scale =
        MakeDistanceScale(client_, entry->model, before, stop);
    if (!scale.ok() && scale.status().code() != StatusCode::kCancelled) {
      log_.Error("Failed to compare distances",
                 {{"model", entry->model}, {"error", scale.status().ToString()}});
    }
    lock.lock();
    entry->due = false;
    entry->looked_at = now_();
    if (scale.ok()) {
      entry->scale = *std::move(scale);
    }
  }
}

}  // namespace embeddingsdb
