// SPDX-License-Identifier: BSD-3-Clause
#include "index/distance.h"

#include <algorithm>
#include <cmath>

namespace embeddingsdb {
namespace {

// Squares and products of float32 neither overflow nor underflow a double, so none of these sums
// can be NaN, and a norm is zero only for a vector of zeros.
double SquaredL2(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

double CosineDistance(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double squared_a = 0;
  double squared_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    dot += x * y;
    squared_a += x * x;
    squared_b += y * y;
  }
  if (squared_a == 0 || squared_b == 0) {
    return 1;
  }
  // One root of the product, not a product of roots: for equal vectors it is the square exactly,
  // and so the distance is 0 exactly.
  return 1 - std::clamp(dot / std::sqrt(squared_a * squared_b), -1.0, 1.0);
}

}  // namespace

float ExactDistance(Metric metric, std::span<const float> a, std::span<const float> b) {
  switch (metric) {
    case Metric::kL2:
      return static_cast<float>(std::sqrt(SquaredL2(a, b)));
    case Metric::kCosine:
      return static_cast<float>(CosineDistance(a, b));
    case Metric::kInnerProduct:
      return static_cast<float>(1 - Dot(a, b));
  }
  return 0;
}

}  // namespace embeddingsdb
