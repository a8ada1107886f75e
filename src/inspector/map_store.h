// SPDX-License-Identifier: BSD-3-Clause
//
// MapStore: makes maps on a thread of its own, one at a time, and keeps the last few.
#ifndef EMBEDDINGSDB_INSPECTOR_MAP_STORE_H_
#define EMBEDDINGSDB_INSPECTOR_MAP_STORE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "embeddingsdb/client.h"

#include "core/log.h"
#include "inspector/map.h"

namespace embeddingsdb {

/// Threads: safe for concurrent use. Borrows client and log. Its thread starts with the first map
/// and ends, within a moment, with the store.
class MapStore {
 public:
  MapStore(Client& client, Logger& log) : client_(client), log_(log) {}
  MapStore(const MapStore&) = delete;
  MapStore& operator=(const MapStore&) = delete;
  ~MapStore();

  struct Found {
    std::shared_ptr<const Map> map;  ///< the best stage there is; null: not yet
    bool finished = false;           ///< no better one will come
  };
  /// The map of a query, which is begun when there is none, or another number of records than when
  /// it was made. Of more than kMaxMaps the one that was not asked for the longest is given up.
  /// kNotFound when no record matches, the client's errors; what went wrong once is tried again.
  Result<Found> Find(const MapQuery& query);

  /// The map of a query if it is there; never begins one.
  std::shared_ptr<const Map> Peek(const MapQuery& query);

 private:
  struct Entry {
    MapQuery query;
    std::int64_t count = 0;
    std::shared_ptr<const Map> map = {};
    Status status = {};
    bool finished = false;
    std::stop_source stop = {};
  };

  void Work(const std::stop_token& stop);
  /// Makes the map of an entry, which may be given up meanwhile.
  void Make(const std::stop_token& stop, const std::shared_ptr<Entry>& entry);
  std::shared_ptr<Entry> Unfinished() const;

  Client& client_;
  Logger& log_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::list<std::shared_ptr<Entry>> entries_;  // the last asked for first
  std::jthread thread_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_MAP_STORE_H_
