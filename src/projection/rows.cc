// SPDX-License-Identifier: BSD-3-Clause
#include "projection/rows.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace embeddingsdb {

void Rows::Append(std::span<const float> vector) {
  AppendZeros();
  Replace(size() - 1, vector);
}

void Rows::Replace(std::size_t row, std::span<const float> vector) {
  std::ranges::copy(vector.first(dimension_), (*this)[row].begin());
}

void Rows::Centre() {
  std::vector<double> mean(dimension_);
  for (std::size_t row = 0; row < size(); ++row) {
    const std::span<const float> values = std::as_const(*this)[row];
    for (std::size_t i = 0; i < dimension_; ++i) {
      mean[i] += static_cast<double>(values[i]);
    }
  }
  double largest = 0;
  for (double& element : mean) {
    element /= static_cast<double>(std::max<std::size_t>(size(), 1));
  }
  // In double, in which no difference of two float32 overflows.
  for (std::size_t row = 0; row < size(); ++row) {
    const std::span<const float> values = std::as_const(*this)[row];
    for (std::size_t i = 0; i < dimension_; ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(values[i]) - mean[i]));
    }
  }
  for (std::size_t row = 0; row < size(); ++row) {
    const std::span<float> values = (*this)[row];
    for (std::size_t i = 0; i < dimension_; ++i) {
      values[i] = largest == 0
                      ? 0
                      : static_cast<float>((static_cast<double>(values[i]) - mean[i]) / largest);
    }
  }
}

}  // namespace embeddingsdb
