// SPDX-License-Identifier: BSD-3-Clause
#include "index/code_query.h"

#include <algorithm>
#include <cmath>

#include "index/distance.h"

namespace embeddingsdb {
namespace {

struct Range {
  double low;
  double high;
};

/// Of the distance between two vectors whose codes are so far apart and so far off.
Range Euclidean(double squared, double squared_error, double off) {
  return {std::sqrt(std::max(squared - squared_error, 0.0)) - off,
          std::sqrt(std::max(squared + squared_error, 0.0)) + off};
}

/// Vectors of length 1: half the squared distance is one minus the cosine.
double CosineOf(double distance) {
  const double positive = std::clamp(distance, 0.0, 2.0);
  return positive * positive / 2;
}

// Conversion to float32 rounds to nearest, as ExactDistance does, and so keeps the order.
DistanceBounds ToFloat(Range range) {
  return {static_cast<float>(range.low), static_cast<float>(range.high)};
}

}  // namespace

void CodeLimits::Include(CodeFacts facts) {
  if (facts.known()) {
    norm = std::max(norm, facts.norm);
    error = std::max(error, facts.error);
  }
}

CodeQuery::CodeQuery(const VectorCodec& codec, std::span<const float> query)
    : codec_(codec), query_(query), code_(codec.stride()), facts_(codec.Encode(query, code_)) {}

DistanceBounds CodeQuery::Bounds(float compared, CodeFacts row) const {
  if (!facts_.known() || !row.known()) {
    return {};
  }
  const double value = static_cast<double>(compared);
  const double norm = static_cast<double>(row.norm);
  const double own_norm = static_cast<double>(facts_.norm);
  const double error = static_cast<double>(row.error);
  const double own_error = static_cast<double>(facts_.error);
  const double rounding = codec_.CompareError(value, own_norm + own_error, norm + error);
  switch (codec_.metric()) {
    case Metric::kL2:
      return ToFloat(Euclidean(value, rounding, own_error + error));
    case Metric::kCosine: {
      if (facts_.norm == 0 || row.norm == 0) {
        return {1, 1};
      }
      if (!codec_.compares_squares()) {
        return ToFloat({std::max(value - rounding, 0.0), std::min(value + rounding, 2.0)});
      }
      const Range distance = Euclidean(value, rounding, own_error + error);
      return ToFloat({CosineOf(distance.low), CosineOf(distance.high)});
    }
    case Metric::kInnerProduct: {
      const double off = own_norm * error + own_error * (norm + error) + rounding;
      return ToFloat({value - off, value + off});
    }
  }
  return {};
}

float CodeQuery::Cut(float distance, CodeLimits limits) const {
  if (!facts_.known()) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  // Distances are rounded to float32: only what reaches the next one is certainly larger.
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const double next = static_cast<double>(std::nextafter(distance, kInfinity));
  const double own_norm = static_cast<double>(facts_.norm);
  const double own_error = static_cast<double>(facts_.error);
  const double norm = static_cast<double>(limits.norm);
  const double error = static_cast<double>(limits.error);
  const auto with_rounding = [&](double value) {
    const double rounding = codec_.CompareError(value, own_norm + own_error, norm + error);
    // Twice: the error itself grows with the number, by far less than this.
    return static_cast<float>((value + 2 * rounding) * (1 + 0x1p-20));
  };
  if (codec_.metric() == Metric::kInnerProduct) {
    return with_rounding(next + own_norm * error + own_error * (norm + error));
  }
  if (codec_.metric() == Metric::kCosine) {
    // All zeros are at distance 1 whatever the comparison says.
    if (facts_.norm == 0 || distance >= 1) {
      return kInfinity;
    }
    if (!codec_.compares_squares()) {
      return with_rounding(next);
    }
  }
  const double straight =
      codec_.metric() == Metric::kCosine ? std::sqrt(2 * std::max(next, 0.0)) : std::max(next, 0.0);
  const double apart = straight + own_error + error;
  return with_rounding(apart * apart);
}

float CodeQuery::Exact(const std::byte* code) const {
  return Exact(codec_.Original(code));
}

float CodeQuery::Exact(std::span<const float> vector) const {
  return ExactDistance(codec_.metric(), query_, vector);
}

}  // namespace embeddingsdb
