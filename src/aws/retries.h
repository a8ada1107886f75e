// SPDX-License-Identifier: BSD-3-Clause
//
// When a request is tried again, and how long after.
#ifndef EMBEDDINGSDB_AWS_RETRIES_H_
#define EMBEDDINGSDB_AWS_RETRIES_H_

#include <chrono>
#include <mutex>
#include <optional>

#include "aws/surroundings.h"

namespace embeddingsdb {

/// What all requests of a client may spend on being tried again together: when most of them fail,
/// trying again makes it worse for everybody. Safe for concurrent use.
class RetryBudget {
 public:
  /// Takes the price of one more attempt; false when that is too much.
  bool Take();
  /// A request succeeded.
  void GiveBack();

 private:
  static constexpr int kCapacity = 500;
  static constexpr int kPrice = 5;

  std::mutex mutex_;
  int left_ = kCapacity;
};

/// A random time up to a limit that doubles with each attempt (1, 2, ...), which is larger when the
/// server said that it has too much to do; never less than what the server asked for, as far as
/// that is bearable.
std::chrono::milliseconds DelayBefore(int attempt, bool throttled,
                                      std::optional<std::chrono::seconds> retry_after,
                                      const AwsSurroundings& surroundings);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_RETRIES_H_
