// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/row_sample.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace embeddingsdb {

std::size_t SampleSize(const SampleLimits& limits, std::int64_t total, std::size_t dimension) {
  const std::size_t fit = limits.bytes / (Rows(dimension).stride() * sizeof(float));
  return std::min(static_cast<std::size_t>(std::min(total, limits.records)), fit);
}

bool RowSample::Take(std::span<const float> vector) {
  if (vector.empty()) {
    return false;  // no database of ours has one, nor infinities; a server may
  }
  if (wanted_ == 0) {
    dimension_ = projector_ == nullptr ? vector.size() : projector_->dimension();
    rows_ = Rows(projector_ == nullptr ? dimension_ : projector_->components());
    wanted_ = SampleSize(limits_, total_, rows_.dimension());
    rows_.Reserve(wanted_);
  }
  const std::size_t number = seen_++;
  if (!IsSampled(number, wanted_, static_cast<std::size_t>(total_)) ||
      vector.size() != dimension_ ||
      !std::ranges::all_of(vector, [](float element) { return std::isfinite(element); })) {
    return false;
  }
  rows_.Append(projector_ == nullptr ? vector : projector_->Project(vector));
  return true;
}

Status ScanUntil(Client& client, const std::vector<Filter>& filters, const std::stop_token& stop,
                 const std::function<bool(const Record&)>& take) {
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, client.Scan(filters));
  Record record;
  for (bool more = true; more;) {
    if (stop.stop_requested()) {
      return CancelledError("reading records was stopped");
    }
    EDB_ASSIGN(const bool found, cursor->Next(record));
    more = found && take(record);
  }
  return {};
}

}  // namespace embeddingsdb
