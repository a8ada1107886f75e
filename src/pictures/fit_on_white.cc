// SPDX-License-Identifier: BSD-3-Clause
//
// One pass over the picture with a few rows of memory, however long and thin it is.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "pictures/picture.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kColours = 3;

double Lanczos(double x) {
  constexpr double kLobes = 3;
  if (x == 0) {
    return 1;
  }
  if (std::abs(x) >= kLobes) {
    return 0;
  }
  const double t = std::numbers::pi * x;
  return kLobes * std::sin(t) * std::sin(t / kLobes) / (t * t);
}

double CatmullRom(double x) {
  x = std::abs(x);
  if (x >= 2) {
    return 0;
  }
  return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2;
}

/// What one pixel of the result takes from a row or column of boxes.
struct Taps {
  std::size_t first = 0;
  std::vector<float> weights;  ///< of neighbouring boxes; their sum is 1

  std::size_t end() const { return first + weights.size(); }
};

/// One of the two directions.
struct Axis {
  std::size_t box = 1;     ///< pixels that are averaged first
  std::size_t boxes = 0;   ///< the last may have fewer pixels
  std::vector<Taps> taps;  ///< of each pixel of the result, in whose directions they ascend
};

/// `scale` is the pixels of the picture for each pixel of the result.
Axis AxisOf(std::size_t length, double scale) {
  Axis axis;
  axis.box = std::max<std::size_t>(1, static_cast<std::size_t>(scale / 2));
  axis.boxes = (length + axis.box - 1) / axis.box;
  const auto box = static_cast<double>(axis.box);
  const double step = scale / box;
  const auto pixels =
      static_cast<std::size_t>(std::max(1.0, std::round(static_cast<double>(length) / scale)));
  // Both are of a whole number of pixels; what one is longer than the other is shared by its ends.
  const double surplus =
      (static_cast<double>(pixels) * scale - static_cast<double>(length)) / box / 2;
  const double reach = step > 1 ? 3 * step : 2;
  const auto last = static_cast<std::int64_t>(axis.boxes) - 1;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    // Made larger, that library has all of it half a pixel further to the right and the bottom.
    const double centre = step < 1 ? static_cast<double>(pixel) * step - 0.5
                                   : (static_cast<double>(pixel) + 0.5) * step - 0.5 - surplus;
    const auto from = static_cast<std::int64_t>(std::ceil(centre - reach));
    const auto to = static_cast<std::int64_t>(std::floor(centre + reach));
    // Beyond its ends the picture goes on as it ends.
    const auto inside = [last](std::int64_t at) {
      return static_cast<std::size_t>(std::clamp<std::int64_t>(at, 0, last));
    };
    Taps taps = {.first = inside(from), .weights = {}};
    taps.weights.resize(inside(to) - taps.first + 1);
    double sum = 0;
    for (std::int64_t at = from; at <= to; ++at) {
      const double distance = static_cast<double>(at) - centre;
      const double weight = step > 1 ? Lanczos(distance / step) : CatmullRom(distance);
      taps.weights[inside(at) - taps.first] += static_cast<float>(weight);
      sum += weight;
    }
    for (float& weight : taps.weights) {
      weight /= static_cast<float>(sum);
    }
    axis.taps.push_back(std::move(taps));
  }
  return axis;
}

/// Adds a row of the picture to sums of boxes, on white. The sums are whole numbers.
void AddRow(const std::uint8_t* rgba, const Axis& axis, std::span<std::uint64_t> sums,
            std::size_t width) {
  std::size_t x = 0;
  for (std::size_t box = 0; box < axis.boxes; ++box) {
    std::array<std::uint64_t, kColours> sum = {};
    for (const std::size_t end = std::min(width, x + axis.box); x < end; ++x) {
      const std::uint32_t alpha = rgba[4 * x + 3];
      for (std::size_t colour = 0; colour < kColours; ++colour) {
        sum[colour] += alpha * rgba[4 * x + colour] + (255U - alpha) * 255U;
      }
    }
    for (std::size_t colour = 0; colour < kColours; ++colour) {
      sums[box * kColours + colour] += sum[colour];
    }
  }
}

/// A row of boxes made as wide as the result.
void Narrow(const Axis& axis, std::span<const float> boxes, std::span<float> row) {
  for (std::size_t x = 0; x < axis.taps.size(); ++x) {
    const Taps& taps = axis.taps[x];
    for (std::size_t colour = 0; colour < kColours; ++colour) {
      float sum = 0;
      for (std::size_t i = 0; i < taps.weights.size(); ++i) {
        sum += taps.weights[i] * boxes[(taps.first + i) * kColours + colour];
      }
      row[x * kColours + colour] = sum;
    }
  }
}

/// Gives each row of boxes, from the top, to visit(number, row), as wide as the result.
template <typename Visit>
void ForEachBoxRow(const Picture& picture, const Axis& across, const Axis& down,
                   const Visit& visit) {
  const auto width = static_cast<std::size_t>(picture.size.width);
  const auto height = static_cast<std::size_t>(picture.size.height);
  std::vector<std::uint64_t> sums(across.boxes * kColours);
  std::vector<float> boxes(sums.size());
  std::vector<float> row(across.taps.size() * kColours);
  for (std::size_t number = 0; number < down.boxes; ++number) {
    std::ranges::fill(sums, 0);
    const std::size_t first = number * down.box;
    const std::size_t end = std::min(height, first + down.box);
    for (std::size_t y = first; y < end; ++y) {
      AddRow(picture.rgba.get() + 4 * y * width, across, sums, width);
    }
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const std::size_t left = i / kColours * across.box;
      const std::size_t count = (end - first) * (std::min(width, left + across.box) - left);
      boxes[i] = static_cast<float>(static_cast<double>(sums[i]) /
                                    (255.0 * 255.0 * static_cast<double>(count)));
    }
    Narrow(across, boxes, row);
    visit(number, std::span<const float>(row));
  }
}

}  // namespace

std::vector<float> FitOnWhite(const Picture& picture, std::size_t side) {
  const double scale = static_cast<double>(std::max(picture.size.width, picture.size.height)) /
                       static_cast<double>(side);
  const Axis across = AxisOf(static_cast<std::size_t>(picture.size.width), scale);
  const Axis down = AxisOf(static_cast<std::size_t>(picture.size.height), scale);
  const std::size_t left = (side - across.taps.size()) / 2;
  const std::size_t top = (side - down.taps.size()) / 2;

  std::vector<float> fitted(side * side * kColours, 1.0F);
  const std::size_t stride = side * kColours;
  for (std::size_t y = 0; y < down.taps.size(); ++y) {
    std::fill_n(fitted.begin() + static_cast<std::ptrdiff_t>((top + y) * stride + left * kColours),
                across.taps.size() * kColours, 0.0F);
  }
  std::size_t oldest = 0;  // the first row of the result that still takes something
  ForEachBoxRow(picture, across, down, [&](std::size_t number, std::span<const float> row) {
    while (down.taps[oldest].end() <= number) {
      ++oldest;
    }
    for (std::size_t y = oldest; y < down.taps.size() && down.taps[y].first <= number; ++y) {
      if (number >= down.taps[y].end()) {
        continue;
      }
      const float weight = down.taps[y].weights[number - down.taps[y].first];
      float* const out = fitted.data() + (top + y) * stride + left * kColours;
      for (std::size_t i = 0; i < row.size(); ++i) {
        out[i] += weight * row[i];
      }
    }
  });
  for (float& value : fitted) {
    value = std::clamp(value, 0.0F, 1.0F);
  }
  return fitted;
}

}  // namespace embeddingsdb
