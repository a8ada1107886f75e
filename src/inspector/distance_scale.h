// SPDX-License-Identifier: BSD-3-Clause
//
// What a distance means: how many pairs of a model's records are further apart.
#ifndef EMBEDDINGSDB_INSPECTOR_DISTANCE_SCALE_H_
#define EMBEDDINGSDB_INSPECTOR_DISTANCE_SCALE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/care.h"
#include "embeddingsdb/client.h"
#include "embeddingsdb/record.h"

namespace embeddingsdb {

/// The distances of a model. Immutable once it is made.
struct DistanceScale {
  std::optional<Metric> metric;  ///< none: not told, so nothing can be compared
  std::int64_t records = 0;      ///< the model had
  std::size_t sampled = 0;       ///< of them were paired
  std::vector<float> pairs;      ///< their distances, ascending; empty where they tell nothing

  /// How many pairs are further apart than this.
  std::size_t FurtherThan(float distance) const;
  bool operator==(const DistanceScale&) const = default;
};

/// The scale of a model, or `before`, which may be null, as long as it fits: the number of records
/// has not changed by more than half. Reads an even sample of the records. kCancelled soon after it
/// is asked to stop, and the client's errors.
Result<std::shared_ptr<const DistanceScale>> MakeDistanceScale(
    Client& client, const std::string& model, const std::shared_ptr<const DistanceScale>& before,
    const std::stop_token& stop);

/// "Euclidean distance".
std::string_view MetricTitle(Metric metric);
/// A sentence about its numbers.
std::string_view MetricNote(Metric metric);

/// "nearer than 99.9 % of pairs": no more digits than ten pairs or more stand behind, and of fewer
/// than a thousand pairs their number. Empty where nothing can be said.
std::string NearnessOf(const DistanceScale& scale, float distance);

/// What follows in JSON after an array of similar records: `,"distances":` and
/// {"metric":"l2","pairs":435,"further":[435,431]}, how many of the pairs are further apart than
/// each of the records. Only the metric where no more can be said, and no text without one; `scale`
/// may be null.
std::string DistancesMember(const DistanceScale* scale, std::span<const SimilarRecord> similar);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INSPECTOR_DISTANCE_SCALE_H_
