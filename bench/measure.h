// SPDX-License-Identifier: BSD-3-Clause
//
// What benchmarks share: failing, clocks, percentiles, and calls of several threads that take
// turns.
#ifndef EMBEDDINGSDB_BENCH_MEASURE_H_
#define EMBEDDINGSDB_BENCH_MEASURE_H_

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Prints and ends the program: what a benchmark needs has to work.
inline void Must(bool ok, const std::string& what) {
  if (!ok) {
    (void)std::fprintf(stderr, "%s: %s\n", ::program_invocation_short_name, what.c_str());
    std::exit(1);
  }
}
inline void Must(const Status& status) {
  Must(status.ok(), status.ToString());
}
template <typename T>
T Must(Result<T> result) {
  Must(result.status());
  return *std::move(result);
}

/// How long calls took, in milliseconds.
class Times {
 public:
  void Add(double milliseconds) {
    times_.push_back(milliseconds);
    sorted_ = false;
  }
  void Add(const Times& others) {
    times_.insert(times_.end(), others.times_.begin(), others.times_.end());
    sorted_ = false;
  }
  /// 0 without any calls.
  double Percentile(std::size_t percent) {
    if (times_.empty()) {
      return 0;
    }
    if (!std::exchange(sorted_, true)) {
      std::ranges::sort(times_);
    }
    return times_[(times_.size() - 1) * percent / 100];
  }
  double p50() { return Percentile(50); }
  double p99() { return Percentile(99); }

 private:
  std::vector<double> times_;
  bool sorted_ = false;
};

/// Asks a query, told by its number.
using Ask = std::function<void(std::size_t query)>;
/// Makes a caller's way to ask: a connection of its own, say.
using MakeAsk = std::function<Ask()>;

/// `callers` threads share `queries`. Each asks in every way, one way after the other, so that what
/// else the machine does meets all of them alike; and each time another query, for who asks the
/// same second would find its vectors in the processor's caches.
inline std::vector<Times> MeasureInTurn(const std::vector<MakeAsk>& ways, std::size_t queries,
                                        std::size_t callers) {
  std::vector<std::vector<Times>> all(callers, std::vector<Times>(ways.size()));
  {
    std::vector<std::jthread> threads;
    for (std::size_t caller = 0; caller < callers; ++caller) {
      threads.emplace_back([&, caller] {
        std::vector<Ask> asks;
        std::ranges::transform(ways, std::back_inserter(asks),
                               [](const MakeAsk& way) { return way(); });
        for (std::size_t i = caller; i < queries; i += callers) {
          for (std::size_t w = 0; w < ways.size(); ++w) {
            const auto start = Clock::now();
            asks[w]((i + w * queries / ways.size()) % queries);
            all[caller][w].Add(SecondsSince(start) * 1e3);
          }
        }
      });
    }
  }
  std::vector<Times> times(ways.size());
  for (const std::vector<Times>& of_caller : all) {
    for (std::size_t w = 0; w < ways.size(); ++w) {
      times[w].Add(of_caller[w]);
    }
  }
  return times;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_BENCH_MEASURE_H_
