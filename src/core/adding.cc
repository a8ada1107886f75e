// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/adding.h"

#include <array>
#include <cstddef>

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"fail", "skip", "overwrite", "newest"};

}  // namespace

Result<OnDuplicate> ParseOnDuplicate(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) {
      return static_cast<OnDuplicate>(i);
    }
  }
  return InvalidArgumentError(
      Concat("on-duplicate ", Quote(name), " is none of fail, skip, overwrite, newest"));
}

}  // namespace embeddingsdb
