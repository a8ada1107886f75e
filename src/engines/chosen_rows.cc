// SPDX-License-Identifier: BSD-3-Clause
#include "engines/chosen_rows.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace embeddingsdb {
namespace {

constexpr std::size_t kMostEntries = 16;
/// Of more rows than these nobody keeps a list, which takes eight bytes each.
constexpr std::size_t kMostRows = 1'000'000;

}  // namespace

ChosenRows::Rows ChosenRows::Find(const Question& question, const State& state) {
  const std::lock_guard lock(mutex_);
  if (state != state_) {
    return nullptr;
  }
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& one) { return one.question == question; });
  return found == entries_.end() ? nullptr : found->rows;
}

void ChosenRows::Remember(Question question, const State& state, Rows rows) {
  if (rows->size() > kMostRows) {
    return;
  }
  const std::lock_guard lock(mutex_);
  if (state != state_) {
    entries_.clear();
    state_ = state;
  }
  if (entries_.size() == kMostEntries) {
    entries_.erase(entries_.begin());
  }
  entries_.push_back({std::move(question), std::move(rows)});
}

}  // namespace embeddingsdb
