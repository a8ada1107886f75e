// SPDX-License-Identifier: BSD-3-Clause
//
// Real vectors for benchmarks: the pictures of Fashion-MNIST (Debian package dataset-fashion-mnist,
// MIT licence), four views of each training picture, projected to fewer dimensions and brought to
// length 1.
#ifndef EMBEDDINGSDB_BENCH_FASHION_MNIST_H_
#define EMBEDDINGSDB_BENCH_FASHION_MNIST_H_

#include <cstddef>
#include <span>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

struct VectorSet {
  std::size_t dimension = 0;
  std::vector<float> values;  ///< row after row

  std::size_t size() const { return dimension == 0 ? 0 : values.size() / dimension; }
  std::span<const float> row(std::size_t i) const {
    return {values.data() + i * dimension, dimension};
  }
};

struct FashionMnist {
  VectorSet rows;     ///< plain, mirrored, shifted, both; shuffled by a fixed seed
  VectorSet queries;  ///< every tenth test picture
};

/// At most `rows` rows (235,200 are 58,800 pictures). kNotFound when the package is not installed.
Result<FashionMnist> LoadFashionMnist(std::size_t rows, std::size_t dimension);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_BENCH_FASHION_MNIST_H_
