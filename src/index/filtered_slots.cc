// SPDX-License-Identifier: BSD-3-Clause
#include "index/filtered_slots.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace embeddingsdb {
namespace {

/// Of a million rows each takes 125 KB, and a list of few slots.
constexpr std::size_t kMostRemembered = 32;

/// Whether the row satisfies the filter; nothing when it does not say.
std::optional<bool> Satisfies(const CodedRows& rows, std::string_view model, Slot slot,
                              const Filter& filter) {
  switch (filter.column) {
    case Column::kModel:
      return model == filter.value;
    case Column::kProvider:
      return rows.ProviderName(rows.provider(slot)) == filter.value;
    case Column::kDepictionId:
      return rows.depiction_id(slot) == filter.value;
    case Column::kSubjectId:
    case Column::kAttribute:
    case Column::kWords:
      break;
  }
  const RowDetails details = rows.details(slot);
  if (!details.kept() || filter.column == Column::kWords) {
    return std::nullopt;
  }
  return filter.column == Column::kSubjectId ? details.subject_id() == filter.value
                                             : details.Find(filter.attribute) == filter.value;
}

/// The same for all of them: one that is not satisfied is enough to know.
std::optional<bool> SatisfiesAll(const CodedRows& rows, std::string_view model, Slot slot,
                                 const std::vector<Filter>& filters) {
  bool decided = true;
  for (const Filter& filter : filters) {
    const std::optional<bool> one = Satisfies(rows, model, slot, filter);
    if (one == false) {
      return false;
    }
    decided = decided && one.has_value();
  }
  return decided ? std::optional(true) : std::nullopt;
}

}  // namespace

bool FilteredSlots::CanDecide(const std::vector<Filter>& filters) {
  return std::none_of(filters.begin(), filters.end(),
                      [](const Filter& filter) { return filter.column == Column::kWords; });
}

std::shared_ptr<const FilteredSlots::Matching> FilteredSlots::Of(const CodedRows& rows,
                                                                 std::string_view model,
                                                                 const std::vector<Filter>& filters,
                                                                 std::size_t few) {
  std::shared_ptr<const Matching> before = Find(filters);
  if (before != nullptr && (!before->decided || before->allowed.size() == rows.size())) {
    return before;
  }
  auto matching =
      before == nullptr ? std::make_shared<Matching>() : std::make_shared<Matching>(*before);
  const std::size_t first = matching->allowed.size();
  matching->allowed.resize(rows.size());
  for (std::size_t i = first; i < rows.size() && matching->decided; ++i) {
    const auto slot = static_cast<Slot>(i);
    const std::optional<bool> allowed =
        rows.IsGone(slot) ? std::optional(false) : SatisfiesAll(rows, model, slot, filters);
    matching->decided = allowed.has_value();
    if (allowed != true) {
      continue;
    }
    matching->allowed[slot] = true;
    if (matching->slots.size() == matching->count++) {
      matching->slots.push_back(slot);
    }
    if (matching->count > few) {
      matching->slots = {};
    }
  }
  Remember(filters, matching);
  return matching;
}

void FilteredSlots::Clear() {
  const std::lock_guard lock(mutex_);
  remembered_.clear();
}

std::shared_ptr<const FilteredSlots::Matching> FilteredSlots::Find(
    const std::vector<Filter>& filters) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(remembered_.begin(), remembered_.end(),
                                  [&](const Remembered& one) { return one.filters == filters; });
  if (found == remembered_.end()) {
    return nullptr;
  }
  std::rotate(found, found + 1, remembered_.end());
  return remembered_.back().matching;
}

void FilteredSlots::Remember(const std::vector<Filter>& filters,
                             std::shared_ptr<const Matching> matching) {
  const std::lock_guard lock(mutex_);
  std::erase_if(remembered_, [&](const Remembered& one) { return one.filters == filters; });
  if (remembered_.size() == kMostRemembered) {
    remembered_.erase(remembered_.begin());
  }
  remembered_.push_back({filters, std::move(matching)});
}

}  // namespace embeddingsdb
