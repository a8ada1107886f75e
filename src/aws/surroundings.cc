// SPDX-License-Identifier: BSD-3-Clause
#include "aws/surroundings.h"

#include <cstdlib>
#include <random>
#include <thread>

namespace embeddingsdb {

AwsSurroundings RealSurroundings(Env& env) {
  return {.env = &env,
          .now = [&env] { return env.NowUnixSeconds(); },
          .variable = [](const char* name) -> std::optional<std::string> {
            const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
            if (value == nullptr || *value == '\0') {
              return std::nullopt;
            }
            return value;
          },
          .sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); },
          .random =
              [] {
                thread_local std::minstd_rand generator(std::random_device{}());
                return std::uniform_real_distribution<double>(0, 1)(generator);
              }};
}

}  // namespace embeddingsdb
