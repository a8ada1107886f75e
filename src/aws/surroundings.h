// SPDX-License-Identifier: BSD-3-Clause
//
// AwsSurroundings: what the client side of AWS takes from the world around it, so that tests need
// no clock, no sleep and no environment of their own.
#ifndef EMBEDDINGSDB_AWS_SURROUNDINGS_H_
#define EMBEDDINGSDB_AWS_SURROUNDINGS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/env.h"

namespace embeddingsdb {

/// All are called by any number of threads at once.
struct AwsSurroundings {
  Env* env = nullptr;  ///< for files; borrowed
  /// Seconds since 1970, UTC.
  std::function<std::int64_t()> now;
  /// Of the environment; nothing when it is not set or empty.
  std::function<std::optional<std::string>(const char* name)> variable;
  std::function<void(std::chrono::milliseconds)> sleep;
  /// 0 to 1, evenly.
  std::function<double()> random;
};

/// The real world.
AwsSurroundings RealSurroundings(Env& env);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_SURROUNDINGS_H_
