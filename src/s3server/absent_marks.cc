// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/absent_marks.h"

namespace embeddingsdb {

bool AbsentMarks::Has(std::string_view mark) const {
  const std::lock_guard lock(mutex_);
  return marks_.contains(mark);
}

std::optional<AbsentMarks::Moment> AbsentMarks::Now() const {
  const std::lock_guard lock(mutex_);
  return writing_ == 0 ? std::optional(moment_) : std::nullopt;
}

void AbsentMarks::Add(std::string_view mark, Moment began) {
  const std::lock_guard lock(mutex_);
  if (began == moment_ && marks_.size() < kMaxMarks) {
    marks_.emplace(mark);
  }
}

AbsentMarks::Writing::Writing(AbsentMarks& absent, std::span<const std::string> marks)
    : absent_(marks.empty() ? nullptr : &absent) {
  if (absent_ == nullptr) {
    return;
  }
  const std::lock_guard lock(absent_->mutex_);
  ++absent_->moment_;
  ++absent_->writing_;
  for (const std::string& mark : marks) {
    absent_->marks_.erase(mark);
  }
}

AbsentMarks::Writing::~Writing() {
  if (absent_ != nullptr) {
    const std::lock_guard lock(absent_->mutex_);
    --absent_->writing_;
  }
}

}  // namespace embeddingsdb
