// SPDX-License-Identifier: BSD-3-Clause
#include "aws/retries.h"

#include <algorithm>

namespace embeddingsdb {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirst(100);
constexpr milliseconds kFirstThrottled(1'000);
constexpr milliseconds kLongest(20'000);
constexpr milliseconds kLongestAskedFor(60'000);

}  // namespace

bool RetryBudget::Take() {
  const std::lock_guard lock(mutex_);
  if (left_ < kPrice) {
    return false;
  }
  left_ -= kPrice;
  return true;
}

void RetryBudget::GiveBack() {
  const std::lock_guard lock(mutex_);
  left_ = std::min(left_ + 1, kCapacity);
}

milliseconds DelayBefore(int attempt, bool throttled,
                         std::optional<std::chrono::seconds> retry_after,
                         const AwsSurroundings& surroundings) {
  milliseconds limit = throttled ? kFirstThrottled : kFirst;
  for (int i = 1; i < attempt && limit < kLongest; ++i) {
    limit *= 2;
  }
  limit = std::min(limit, kLongest);
  const milliseconds random(
      static_cast<std::int64_t>(static_cast<double>(limit.count()) * surroundings.random()));
  return std::max(random, std::min<milliseconds>(retry_after.value_or(std::chrono::seconds(0)),
                                                 kLongestAskedFor));
}

}  // namespace embeddingsdb
