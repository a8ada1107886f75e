// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/map_store.h"

#include <algorithm>
#include <utility>

#include "embeddingsdb/limits.h"

namespace embeddingsdb {

MapStore::~MapStore() {
  thread_.request_stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

Result<MapStore::Found> MapStore::Find(const MapQuery& query) {
  EDB_ASSIGN(const std::int64_t count, client_.Count(query.Filters()));
  if (count == 0) {
    return NotFoundError("there are no records to make a map of");
  }
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(
      entries_, query, [](const auto& entry) -> const MapQuery& { return entry->query; });
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    const Entry& entry = *entries_.front();
    // During an import the number changes all the time: what was begun is finished first.
    if (entry.status.ok() && (!entry.finished || entry.count == count)) {
      return Found{.map = entry.map, .finished = entry.finished};
    }
    const Status status = entry.status;
    entries_.pop_front();
    EDB_TRY(status);
  }
  entries_.push_front(std::make_shared<Entry>(Entry{.query = query, .count = count}));
  if (entries_.size() > kMaxMaps) {
    entries_.back()->stop.request_stop();
    entries_.pop_back();
  }
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
  }
  wake_.notify_all();
  return Found{};
}

std::shared_ptr<const Map> MapStore::Peek(const MapQuery& query) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Entry>& entry : entries_) {
    if (entry->query == query) {
      return entry->map;
    }
  }
  return nullptr;
}

std::shared_ptr<MapStore::Entry> MapStore::Unfinished() const {
  for (const std::shared_ptr<Entry>& entry : entries_) {
    if (!entry->finished && entry->status.ok()) {
      return entry;
    }
  }
  return nullptr;
}

void MapStore::Work(const std::stop_token& stop) {
  for (;;) {
    std::shared_ptr<Entry> entry;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, stop, [&] { return (entry = Unfinished()) != nullptr; });
    }
    if (stop.stop_requested()) {
      return;
    }
    Make(stop, entry);
  }
}

void MapStore::Make(const std::stop_token& stop, const std::shared_ptr<Entry>& entry) {
  // Whichever comes first: the end of the store, or that nobody wants this one any more.
  const std::stop_callback forward(stop, [&] { entry->stop.request_stop(); });
  const Status status = MakeMap(client_, entry->query, {.stop = entry->stop.get_token()},
                                [&](std::shared_ptr<const Map> map) {
                                  const std::lock_guard lock(mutex_);
                                  entry->map = std::move(map);
                                });
  {
    const std::lock_guard lock(mutex_);
    entry->status = status;
    entry->finished = status.ok();
  }
  if (!status.ok() && status.code() != StatusCode::kCancelled) {
    log_.Error("Failed to make a map",
               {{"model", entry->query.model}, {"error", status.ToString()}});
  }
}

}  // namespace embeddingsdb
