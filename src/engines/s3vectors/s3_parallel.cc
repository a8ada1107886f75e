// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace embeddingsdb::s3vectors {

Status InParallel(std::size_t count, std::size_t at_once,
                  const std::function<Status(std::size_t)>& call) {
  if (count == 1) {
    return call(0);
  }
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::vector<Status> statuses(count);
  const auto work = [&] {
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      statuses[i] = call(i);
      failed = failed || !statuses[i].ok();
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.reserve(std::min(count, at_once));
    for (std::size_t i = 0; i < std::min(count, at_once); ++i) {
      threads.emplace_back(work);
    }
  }
  for (const Status& status : statuses) {
    EDB_TRY(status);
  }
  return {};
}

}  // namespace embeddingsdb::s3vectors
