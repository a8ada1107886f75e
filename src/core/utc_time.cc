// SPDX-License-Identifier: BSD-3-Clause
#include "core/utc_time.h"

#include <array>
#include <ctime>

namespace embeddingsdb {

std::string FormatUtc(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  std::array<char, 64> text{};
  if (::gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    return std::to_string(seconds);
  }
  return text.data();
}

}  // namespace embeddingsdb
