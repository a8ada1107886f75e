// SPDX-License-Identifier: BSD-3-Clause
#include "fashion_mnist.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <zlib.h>

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kSide = 28;
constexpr std::size_t kPixels = kSide * kSide;
constexpr char kFolder[] = "/usr/share/datasets/fashion-mnist/";
constexpr std::size_t kQueryEvery = 10;
constexpr std::size_t kViews = 4;

using Picture = std::array<std::uint8_t, kPixels>;

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};

Result<std::vector<Picture>> ReadPictures(const std::string& name) {
  const std::string path = kFolder + name;
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file) {
    return NotFoundError(Concat(Quote(path), " is missing; install dataset-fashion-mnist"));
  }
  std::array<std::uint8_t, 16> header{};
  if (gzread(file.get(), header.data(), header.size()) != 16) {
    return DataLossError(Concat(Quote(path), " is cut short"));
  }
  const std::size_t count = std::size_t{header[4]} << 24U | std::size_t{header[5]} << 16U |
                            std::size_t{header[6]} << 8U | header[7];
  std::vector<Picture> pictures(count);
  for (Picture& picture : pictures) {
    if (gzread(file.get(), picture.data(), kPixels) != static_cast<int>(kPixels)) {
      return DataLossError(Concat(Quote(path), " is cut short"));
    }
  }
  return pictures;
}

/// Rows of unit length at right angles to each other: Gaussian numbers made orthogonal one by one.
std::vector<float> Projection(std::size_t dimension, std::mt19937_64& random) {
  std::normal_distribution<double> gauss;
  std::vector<double> rows(dimension * kPixels);
  for (std::size_t i = 0; i < dimension; ++i) {
    double* const row = rows.data() + i * kPixels;
    std::generate_n(row, kPixels, [&] { return gauss(random); });
    for (std::size_t j = 0; j < i; ++j) {
      const double* const other = rows.data() + j * kPixels;
      double dot = 0;
      for (std::size_t p = 0; p < kPixels; ++p) {
        dot += row[p] * other[p];
      }
      for (std::size_t p = 0; p < kPixels; ++p) {
        row[p] -= dot * other[p];
      }
    }
    double squares = 0;
    for (std::size_t p = 0; p < kPixels; ++p) {
      squares += row[p] * row[p];
    }
    for (std::size_t p = 0; p < kPixels; ++p) {
      row[p] /= std::sqrt(squares);
    }
  }
  return {rows.begin(), rows.end()};
}

Picture View(const Picture& picture, bool mirror, int dx, int dy) {
  Picture view{};
  constexpr int kEnd = static_cast<int>(kSide);
  for (int y = 0; y < kEnd; ++y) {
    for (int x = 0; x < kEnd; ++x) {
      const int from_x = (mirror ? kEnd - 1 - x : x) - dx;
      const int from_y = y - dy;
      if (from_x >= 0 && from_x < kEnd && from_y >= 0 && from_y < kEnd) {
        view[static_cast<std::size_t>(y) * kSide + static_cast<std::size_t>(x)] =
            picture[static_cast<std::size_t>(from_y) * kSide + static_cast<std::size_t>(from_x)];
      }
    }
  }
  return view;
}

void Project(const Picture& picture, const std::vector<float>& projection, std::span<float> out) {
  std::array<float, kPixels> pixels{};
  std::copy(picture.begin(), picture.end(), pixels.begin());
  double squares = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const float* const row = projection.data() + i * kPixels;
    std::array<float, 16> sums{};
    for (std::size_t p = 0; p < kPixels; p += sums.size()) {
      for (std::size_t lane = 0; lane < sums.size(); ++lane) {
        sums[lane] += row[p + lane] * pixels[p + lane];
      }
    }
    float sum = 0;
    for (const float lane : sums) {
      sum += lane;
    }
    out[i] = sum;
    squares += static_cast<double>(sum) * static_cast<double>(sum);
  }
  const auto scale = static_cast<float>(1 / std::sqrt(std::max(squares, 1e-12)));
  for (float& element : out) {
    element *= scale;
  }
}

VectorSet ProjectAll(const std::vector<Picture>& pictures, std::size_t dimension,
                     const std::vector<float>& projection) {
  VectorSet set{.dimension = dimension, .values = std::vector<float>(pictures.size() * dimension)};
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (std::size_t i = t; i < pictures.size(); i += threads) {
        Project(pictures[i], projection, {set.values.data() + i * dimension, dimension});
      }
    });
  }
  running.clear();
  return set;
}

}  // namespace

Result<FashionMnist> LoadFashionMnist(std::size_t rows, std::size_t dimension) {
  std::mt19937_64 random(1);
  EDB_ASSIGN(const std::vector<Picture> train, ReadPictures("train-images-idx3-ubyte.gz"));
  EDB_ASSIGN(const std::vector<Picture> test, ReadPictures("t10k-images-idx3-ubyte.gz"));
  const std::vector<float> projection = Projection(dimension, random);
  std::uniform_int_distribution<int> shift(-2, 2);
  std::vector<Picture> views;
  for (std::size_t i = 0; i < train.size() && views.size() + kViews <= rows + kViews - 1; ++i) {
    const int dx = shift(random);
    const int dy = shift(random);
    views.push_back(train[i]);
    views.push_back(View(train[i], true, 0, 0));
    views.push_back(View(train[i], false, dx, dy));
    views.push_back(View(train[i], true, dx, dy));
  }
  std::shuffle(views.begin(), views.end(), random);
  views.resize(std::min(views.size(), rows));
  std::vector<Picture> asked;
  for (std::size_t i = 0; i < test.size(); i += kQueryEvery) {
    asked.push_back(test[i]);
  }
  FashionMnist set;
  set.rows = ProjectAll(views, dimension, projection);
  set.queries = ProjectAll(asked, dimension, projection);
  return set;
}

}  // namespace embeddingsdb
