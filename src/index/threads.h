// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_INDEX_THREADS_H_
#define EMBEDDINGSDB_INDEX_THREADS_H_

#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace embeddingsdb {

/// Calls `work(i)` for i from 0 to threads - 1, each on a thread of its own, the first on this one;
/// returns when all have. Where no more threads are to be had the later ones are left out, so
/// `work` takes what is left to do from something shared. It does not throw.
template <typename Work>
void RunOnThreads(std::size_t threads, const Work& work) {
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < threads; ++i) {
    try {
      others.emplace_back([&work, i] { work(i); });
    } catch (const std::system_error&) {
      break;
    }
  }
  work(std::size_t{0});
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_THREADS_H_
