// SPDX-License-Identifier: BSD-3-Clause
//
// What a projection starts from, many vectors of one length, and what it gives, points in a plane.
#ifndef EMBEDDINGSDB_PROJECTION_ROWS_H_
#define EMBEDDINGSDB_PROJECTION_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace embeddingsdb {

/// A place in the plane; no unit.
struct Point {
  float x = 0;
  float y = 0;

  bool operator==(const Point&) const = default;
};

/// Numbers that are the same everywhere and each time (splitmix64; Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014). The distributions of the standard library
/// differ between libraries, and its generators take longer than what is drawn with them here.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31U);
  }
  /// 0 to count - 1; count is at least 1.
  std::uint32_t Below(std::uint32_t count) {
    return static_cast<std::uint32_t>(((Next() >> 32U) * count) >> 32U);
  }
  /// -1 to 1.
  float Symmetric() { return static_cast<float>(Next() >> 40U) * 0x1p-23F - 1.0F; }

 private:
  std::uint64_t state_;
};

/// How rows were moved and scaled.
struct Centring {
  std::vector<double> mean;
  double largest = 0;  ///< that became 1; 0: all rows were equal

  /// Does the same to a vector, which is as long as the mean.
  void Apply(std::span<float> vector) const;
};

/// Vectors of one length, row by row, in one piece of memory. A row is followed by zeros up to a
/// multiple of kRowLanes elements, which fast kernels count on. Threads: as a vector.
class Rows {
 public:
  static constexpr std::size_t kRowLanes = 16;

  /// No rows yet; `dimension` is at least 1.
  explicit Rows(std::size_t dimension)
      : dimension_(dimension), stride_((dimension + kRowLanes - 1) / kRowLanes * kRowLanes) {}

  std::size_t size() const { return values_.size() / stride_; }
  std::size_t dimension() const { return dimension_; }
  std::size_t stride() const { return stride_; }
  const float* data() const { return values_.data(); }

  /// A row with its zeros.
  std::span<const float> operator[](std::size_t row) const {
    return std::span(values_).subspan(row * stride_, stride_);
  }
  std::span<float> operator[](std::size_t row) {
    return std::span(values_).subspan(row * stride_, stride_);
  }

  void Reserve(std::size_t rows) { values_.reserve(rows * stride_); }
  /// Adds a copy of a vector, which is as long as the dimension, and finite.
  void Append(std::span<const float> vector);
  /// Adds a row of zeros.
  void AppendZeros() { values_.resize(values_.size() + stride_); }
  /// Puts `vector` in the place of a row.
  void Replace(std::size_t row, std::span<const float> vector);

  /// Moves the rows' mean to 0 and makes their largest number 1, or -1: what is small beside a
  /// large mean is kept, and no sum of products overflows. Distances change by one factor. Rows
  /// that are all equal become zeros.
  Centring Centre();

 private:
  std::size_t dimension_;
  std::size_t stride_;
  std::vector<float> values_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PROJECTION_ROWS_H_
