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

void Centring::Apply(std::span<float> vector) const {
  // In double, in which no difference of two float32 overflows.
  for (std::size_t i = 0; i < mean.size(); ++i) {
    vector[i] =
        largest == 0 ? 0 : static_cast<float>((static_cast<double>(vector[i]) - mean[i]) / largest);
  }
}

Centring Rows::Centre() {
  Centring centring{.mean = std::vector<double>(dimension_)};
  for (std::size_t row = 0; row < size(); ++row) {
    const std::span<const float> values = std::as_const(*this)[row];
    for (std::size_t i = 0; i < dimension_; ++i) {
      centring.mean[i] += static_cast<double>(values[i]);
    }
  }
  for (double& element : centring.mean) {
    element /= static_cast<double>(std::max<std::size_t>(size(), 1));
  }
  for (std::size_t row = 0; row < size(); ++row) {
    const std::span<const float> values = std::as_const(*this)[row];
    for (std::size_t i = 0; i < dimension_; ++i) {
      centring.largest =
          std::max(centring.largest, std::abs(static_cast<double>(values[i]) - centring.mean[i]));
    }
  }
  for (std::size_t row = 0; row < size(); ++row) {
    centring.Apply((*this)[row].first(dimension_));
  }
  return centring;
}

}  // namespace embeddingsdb
