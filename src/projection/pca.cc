// SPDX-License-Identifier: BSD-3-Clause
#include "projection/pca.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "index/distance.h"

namespace embeddingsdb {
namespace {

static_assert(Rows::kRowLanes == kKernelLanes);

// Directions beside the wanted ones that are carried along: the wanted ones settle sooner.
constexpr std::size_t kOversampling = 8;
// Each pass makes what is weak weaker by the ratio of the variances.
constexpr int kPasses = 8;
constexpr int kMaxSweeps = 30;
// Rows whose sum is kept in float32 before it goes into the double one; between two of these
// pieces the stop token is asked.
constexpr std::size_t kPiece = 256;

/// A square matrix of doubles.
class Square {
 public:
  explicit Square(std::size_t size) : size_(size), values_(size * size) {}

  std::size_t size() const { return size_; }
  double& at(std::size_t row, std::size_t column) { return values_[row * size_ + column]; }

  static Square Identity(std::size_t size) {
    Square one(size);
    for (std::size_t i = 0; i < size; ++i) {
      one.at(i, i) = 1;
    }
    return one;
  }

  /// Turns rows `p` and `q` by an angle.
  void RotateRows(std::size_t p, std::size_t q, double cosine, double sine) {
    for (std::size_t i = 0; i < size_; ++i) {
      const double a = at(p, i);
      const double b = at(q, i);
      at(p, i) = cosine * a - sine * b;
      at(q, i) = sine * a + cosine * b;
    }
  }
  void RotateColumns(std::size_t p, std::size_t q, double cosine, double sine) {
    for (std::size_t i = 0; i < size_; ++i) {
      const double a = at(i, p);
      const double b = at(i, q);
      at(i, p) = cosine * a - sine * b;
      at(i, q) = sine * a + cosine * b;
    }
  }

 private:
  std::size_t size_;
  std::vector<double> values_;
};

/// Makes a symmetric matrix diagonal by Jacobi's rotations; the rows of what is returned are its
/// eigenvectors.
Square Diagonalise(Square& matrix) {
  Square vectors = Square::Identity(matrix.size());
  double total = 0;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    total += matrix.at(i, i);
  }
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    bool turned = false;
    for (std::size_t p = 0; p < matrix.size(); ++p) {
      for (std::size_t q = p + 1; q < matrix.size(); ++q) {
        const double off = matrix.at(p, q);
        if (std::abs(off) <= 1e-14 * total) {
          continue;
        }
        turned = true;
        const double theta = (matrix.at(q, q) - matrix.at(p, p)) / (2 * off);
        const double tangent =
            std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
        const double cosine = 1 / std::hypot(tangent, 1.0);
        matrix.RotateRows(p, q, cosine, cosine * tangent);
        matrix.RotateColumns(p, q, cosine, cosine * tangent);
        vectors.RotateRows(p, q, cosine, cosine * tangent);
      }
    }
    if (!turned) {
      break;
    }
  }
  return vectors;
}

/// Without bounds to check, so that the compiler makes vectors of it.
void AddMultiple(float factor, std::span<const float> row, float* sums) {
  const float* const values = row.data();
  const std::size_t size = row.size();
  for (std::size_t i = 0; i < size; ++i) {
    sums[i] += factor * values[i];
  }
}

double Dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Makes vectors orthonormal (Gram and Schmidt, twice, which is enough), those that depend on the
/// ones before them zeros. `vectors` has `count` of them, one after the other.
void Orthonormalise(std::span<double> vectors, std::size_t count) {
  const std::size_t size = vectors.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<double> own = vectors.subspan(i * size, size);
    const double before = std::sqrt(Dot(own, own));
    for (int time = 0; time < 2; ++time) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::span<const double> other = vectors.subspan(j * size, size);
        const double along = Dot(own, other);
        for (std::size_t at = 0; at < size; ++at) {
          own[at] -= along * other[at];
        }
      }
    }
    const double length = std::sqrt(Dot(own, own));
    const double factor = length > 1e-6 * before ? 1 / length : 0;
    for (double& element : own) {
      element *= factor;
    }
  }
}

/// Directions that are improved pass by pass.
class Iteration {
 public:
  Iteration(const Rows& rows, const PcaOptions& options)
      : rows_(rows),
        options_(options),
        used_(options.sample == 0 ? rows.size() : std::min(options.sample, rows.size())),
        count_(std::min({options.components + kOversampling, rows.dimension(),
                         std::max<std::size_t>(used_, 1)})),
        directions_(rows.dimension()) {
    Random random(options.seed);
    std::vector<double> start(count_ * rows.stride());
    for (std::size_t i = 0; i < count_; ++i) {
      for (std::size_t j = 0; j < rows.dimension(); ++j) {
        start[i * rows.stride() + j] = static_cast<double>(random.Symmetric());
      }
      directions_.AppendZeros();
    }
    Take(start);
  }

  Status Run() {
    for (int pass = 0; pass < kPasses; ++pass) {
      std::vector<double> sums(count_ * rows_.stride());
      EDB_TRY(Pass(
          [&](std::span<const float> along, std::span<const float> row) {
            for (std::size_t i = 0; i < count_; ++i) {
              AddMultiple(along[i], row, piece_.data() + i * rows_.stride());
            }
          },
          sums));
      Take(sums);
    }
    return {};
  }

  /// Turns the directions so that the first one has the largest variance, and so on.
  Result<Rows> Finish() {
    Square variances(count_);
    std::vector<double> unused;
    EDB_TRY(Pass(
        [&](std::span<const float> along, std::span<const float>) {
          for (std::size_t i = 0; i < count_; ++i) {
            for (std::size_t j = 0; j < count_; ++j) {
              variances.at(i, j) += static_cast<double>(along[i]) * static_cast<double>(along[j]);
            }
          }
        },
        unused));
    Square turn = Diagonalise(variances);
    std::vector<std::size_t> order(count_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      return std::pair(variances.at(b, b), a) < std::pair(variances.at(a, a), b);
    });
    Rows result(rows_.dimension());
    for (std::size_t i = 0; i < options_.components; ++i) {
      result.AppendZeros();
      if (i < count_) {
        Combine(turn, order[i], result[i]);
      }
    }
    return result;
  }

 private:
  void Take(std::span<double> vectors) {
    Orthonormalise(vectors, count_);
    for (std::size_t i = 0; i < count_; ++i) {
      std::ranges::transform(vectors.subspan(i * rows_.stride(), rows_.stride()),
                             directions_[i].begin(),
                             [](double element) { return static_cast<float>(element); });
    }
  }

  /// Calls `visit` with each row and its places along the directions. What it adds to piece_ is
  /// added to `sums`, which is empty or as long.
  template <typename Visit>
  Status Pass(const Visit& visit, std::vector<double>& sums) {
    std::vector<float> along(count_);
    for (std::size_t first = 0; first < used_; first += kPiece) {
      if (options_.stop.stop_requested()) {
        return CancelledError("the projection was stopped");
      }
      piece_.assign(sums.size(), 0.0F);
      for (std::size_t i = first; i < std::min(first + kPiece, used_); ++i) {
        const std::span<const float> row = rows_[i * rows_.size() / used_];
        BestKernels().dot(row, directions_.data(), along);
        visit(along, row);
      }
      for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] += static_cast<double>(piece_[i]);
      }
    }
    return {};
  }

  void Combine(Square& turn, std::size_t which, std::span<float> out) {
    for (std::size_t j = 0; j < rows_.dimension(); ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < count_; ++i) {
        sum += turn.at(which, i) * static_cast<double>(directions_[i][j]);
      }
      out[j] = static_cast<float>(sum);
    }
    const auto largest =
        std::ranges::max_element(out, {}, [](float element) { return std::abs(element); });
    if (*largest < 0) {
      std::ranges::transform(out, out.begin(), [](float element) { return -element; });
    }
  }

  const Rows& rows_;
  const PcaOptions& options_;
  std::size_t used_;
  std::size_t count_;
  Rows directions_;
  std::vector<float> piece_;
};

}  // namespace

Result<Rows> PrincipalDirections(const Rows& rows, const PcaOptions& options) {
  Iteration iteration(rows, options);
  EDB_TRY(iteration.Run());
  return iteration.Finish();
}

Result<Rows> Project(const Rows& rows, const Rows& directions, const std::stop_token& stop) {
  Rows projected(directions.size());
  projected.Reserve(rows.size());
  std::vector<float> along(directions.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (row % kPiece == 0 && stop.stop_requested()) {
      return CancelledError("the projection was stopped");
    }
    BestKernels().dot(rows[row], directions.data(), along);
    projected.Append(along);
  }
  return projected;
}

Result<Projector> Projector::Create(Rows rows, const PcaOptions& options) {
  Centring centring = rows.Centre();
  EDB_ASSIGN(Rows directions, PrincipalDirections(rows, options));
  return Projector(std::move(centring), std::move(directions));
}

Projector::Projector(Centring centring, Rows directions)
    : centring_(std::move(centring)),
      directions_(std::move(directions)),
      vector_(directions_.stride()),
      along_(directions_.size()) {}

std::span<const float> Projector::Project(std::span<const float> vector) {
  std::ranges::copy(vector, vector_.begin());
  centring_.Apply(vector_);
  BestKernels().dot(vector_, directions_.data(), along_);
  return along_;
}

Result<std::vector<Point>> PcaPoints(const Rows& rows, const std::stop_token& stop) {
  EDB_ASSIGN(const Rows directions, PrincipalDirections(rows, {.components = 2, .stop = stop}));
  EDB_ASSIGN(const Rows projected, Project(rows, directions, stop));
  std::vector<Point> points;
  points.reserve(rows.size());
  for (std::size_t row = 0; row < projected.size(); ++row) {
    points.push_back({.x = projected[row][0], .y = projected[row][1]});
  }
  return points;
}

}  // namespace embeddingsdb
