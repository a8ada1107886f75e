// SPDX-License-Identifier: BSD-3-Clause
//
// An even sample of a model's vectors, as many as fit.
#ifndef EMBEDDINGSDB_INSPECTOR_ROW_SAMPLE_H_
#define EMBEDDINGSDB_INSPECTOR_ROW_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "embeddingsdb/client.h"
#include "embeddingsdb/status.h"

#include "projection/pca.h"
#include "projection/rows.h"

namespace embeddingsdb {

struct SampleLimits {
  std::int64_t records = 0;
  std::size_t bytes = SIZE_MAX;  ///< of vectors in memory
};

/// How many of `total` records of this dimension, which is at least 1, are within the limits.
std::size_t SampleSize(const SampleLimits& limits, std::int64_t total, std::size_t dimension);

/// Whether the record of this number, from 0, is one of the `wanted` of `total` that make an even
/// sample; `wanted` is at most `total`.
constexpr bool IsSampled(std::size_t number, std::size_t wanted, std::size_t total) {
  return number * wanted % total < wanted;
}

/// Takes every so-manieth vector of those it is shown, in the order of a scan.
class RowSample {
 public:
  /// Of `total` records, at least 1. With a projector, which is borrowed, it keeps what that makes
  /// of vectors.
  RowSample(const SampleLimits& limits, std::int64_t total, Projector* projector = nullptr)
      : limits_(limits), total_(total), projector_(projector) {}

  /// Whether it took this one. Passed over are vectors of another length than the first's, or the
  /// projector's, for
  /// databases behind multi:// may keep several for one model, and those that are not finite.
  bool Take(std::span<const float> vector);
  /// No more are wanted.
  bool full() const { return wanted_ > 0 && rows_.size() == wanted_; }
  std::int64_t total() const { return total_; }
  const Rows& rows() const { return rows_; }
  Rows TakeRows() { return std::move(rows_); }

 private:
  SampleLimits limits_;
  std::int64_t total_;
  Projector* projector_;
  std::size_t dimension_ = 0;
  Rows rows_{1};  // of the first vector's length, once there is one
  std::size_t wanted_ = 0;
  std::size_t seen_ = 0;
};

/// Shows the matching records to `take` until it returns false. kCancelled soon after it is asked
/// to stop, and the client's errors.
Status ScanUntil(Client& client, const std::vector<Filter>& filters, const std::stop_token& stop,
                 const std::function<bool(const Record&)>& take);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_ROW_SAMPLE_H_
