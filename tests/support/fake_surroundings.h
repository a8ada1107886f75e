// SPDX-License-Identifier: BSD-3-Clause
//
// A clock that a test sets, an environment that it fills, and sleeps that are only written down.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FAKE_SURROUNDINGS_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FAKE_SURROUNDINGS_H_

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aws/surroundings.h"

namespace embeddingsdb {

/// Must outlive what it is given to.
class FakeSurroundings {
 public:
  AwsSurroundings get() {
    return {.env = env_.get(),
            .now = [this] { return now.load(); },
            .variable = [this](const char* name) -> std::optional<std::string> {
              const auto found = variables.find(name);
              return found == variables.end() ? std::nullopt : std::optional(found->second);
            },
            .sleep =
                [this](std::chrono::milliseconds time) {
                  const std::lock_guard lock(mutex_);
                  slept_.push_back(time.count());
                },
            .random = [this] { return random.load(); }};
  }
  std::vector<std::int64_t> slept() const {
    const std::lock_guard lock(mutex_);
    return slept_;
  }

  std::atomic<std::int64_t> now = 1'800'000'000;
  std::atomic<double> random = 1;
  std::map<std::string, std::string> variables;

 private:
  std::unique_ptr<Env> env_ = NewPosixEnv();
  mutable std::mutex mutex_;
  std::vector<std::int64_t> slept_;  // milliseconds
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_FAKE_SURROUNDINGS_H_
