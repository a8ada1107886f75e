// SPDX-License-Identifier: BSD-3-Clause
//
// Batches of records, worked on by several threads: signing and verifying take much longer than
// reading.
#ifndef EMBEDDINGSDB_SIGNATURES_PARALLEL_H_
#define EMBEDDINGSDB_SIGNATURES_PARALLEL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Records that are read, worked on and written together: long enough to keep threads busy, short
/// enough for a few MB.
inline constexpr std::size_t kSigningBatch = 256;

/// How many threads to use: `wanted`, or one a processor for 0.
inline int WorkerCount(int wanted) {
  return wanted > 0 ? wanted : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

/// Calls work(i) once for each i below `count`, from `workers` threads, the caller's among them;
/// returns when all are done.
template <typename Work>
void ForEachIndex(std::size_t count, int workers, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto loop = [&next, &work, count] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      work(i);
    }
  };
  const std::size_t others = std::min(static_cast<std::size_t>(workers - 1), count);
  std::vector<std::jthread> threads;
  threads.reserve(others);
  for (std::size_t i = 0; i < others; ++i) {
    threads.emplace_back(loop);
  }
  loop();
}

/// Reads up to kSigningBatch records; the result is shorter at the end only, and then empty.
inline Status ReadBatch(RecordCursor& cursor, std::vector<Record>& batch) {
  batch.resize(kSigningBatch);
  std::size_t count = 0;
  while (count < batch.size()) {
    EDB_ASSIGN(const bool more, cursor.Next(batch[count]));
    if (!more) {
      break;
    }
    ++count;
  }
  batch.resize(count);
  return Status();
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_PARALLEL_H_
