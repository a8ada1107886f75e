// SPDX-License-Identifier: BSD-3-Clause
#include <string_view>

#include "embeddingsdb/index.h"
#include "embeddingsdb/status.h"

#include "core/text.h"

namespace embeddingsdb {

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kInnerProduct:
      return "ip";
    case Metric::kL2:
      break;
  }
  return "l2";
}

std::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "f32";
    case Precision::kF16:
      return "f16";
    case Precision::kI8:
      return "i8";
    case Precision::kBf16:
      break;
  }
  return "bf16";
}

Result<Metric> ParseMetric(std::string_view name) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct}) {
    if (MetricName(metric) == name) {
      return metric;
    }
  }
  return InvalidArgumentError(
      Concat("metric ", Quote(name), " is unknown, the known ones are l2, cosine, ip"));
}

}  // namespace embeddingsdb
