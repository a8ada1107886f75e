// SPDX-License-Identifier: BSD-3-Clause
//
// ScaleStore: makes the scales of models on a thread of its own, one at a time, and keeps them.
#ifndef EMBEDDINGSDB_INSPECTOR_SCALE_STORE_H_
#define EMBEDDINGSDB_INSPECTOR_SCALE_STORE_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "embeddingsdb/client.h"

#include "core/log.h"
#include "inspector/distance_scale.h"

namespace embeddingsdb {

/// How long a scale is believed before it is looked at again; also how long a failure.
inline constexpr std::chrono::minutes kScaleAge{5};

/// Threads: safe for concurrent use. Borrows client and log. Its thread starts with the first
/// scale and ends, within a moment, with the store.
class ScaleStore {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  ScaleStore(Client& client, Logger& log, Clock now = std::chrono::steady_clock::now)
      : client_(client), log_(log), now_(std::move(now)) {}
  ScaleStore(const ScaleStore&) = delete;
  ScaleStore& operator=(const ScaleStore&) = delete;
  ~ScaleStore();

  /// What is known of a model's distances; null: nothing yet. Never waits for the database: a
  /// scale that is not there, or old, is begun, and is there for the next page.
  std::shared_ptr<const DistanceScale> Find(const std::string& model);

 private:
  struct Entry {
    std::string model;
    std::shared_ptr<const DistanceScale> scale = {};
    std::chrono::steady_clock::time_point looked_at = {};
    bool due = true;
  };

  void Work(const std::stop_token& stop);
  std::shared_ptr<Entry> Due() const;

  Client& client_;
  Logger& log_;
  Clock now_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::list<std::shared_ptr<Entry>> entries_;  // the last asked for first
  std::jthread thread_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_SCALE_STORE_H_
