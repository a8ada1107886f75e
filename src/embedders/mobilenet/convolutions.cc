// SPDX-License-Identifier: BSD-3-Clause
//
// Written once with vectors of as many floats as a register has, and compiled for each instruction
// set by inlining into a function that has the attribute; src/index/kernels.cc says why it is no
// flag of the file.
#include "embedders/mobilenet/convolutions.h"

#include <algorithm>

namespace embeddingsdb::mobilenet {
namespace {

#define EDB_INLINE inline __attribute__((always_inline))

/// Registers of the instruction sets, and how many pixels times a panel they have room for.
struct Generic {
  using Lanes = float __attribute__((vector_size(16)));  // SSE2, NEON
  static constexpr std::size_t kLanes = 4;
#if defined(__x86_64__)
  static constexpr std::size_t kRows = 2;  // of 16 registers, 8 for sums
#else
  static constexpr std::size_t kRows = 4;  // of 32 registers, 16 for sums
#endif
};

#if defined(__x86_64__)
struct Avx2 {
  using Lanes = float __attribute__((vector_size(32)));
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kRows = 6;  // of 16 registers, 12 for sums
};
static_assert(Avx2::kRows <= kMinPixels);
#endif
static_assert(Generic::kRows <= kMinPixels);

template <typename Lanes>
EDB_INLINE void Load(const float* from, Lanes& to) {
  __builtin_memcpy(&to, from, sizeof(to));
}
template <typename Lanes>
EDB_INLINE void Store(const Lanes& from, float* to) {
  __builtin_memcpy(to, &from, sizeof(from));
}
template <typename Lanes>
EDB_INLINE void Relu6(Lanes& lanes) {
  const Lanes zero = {};
  const Lanes six = zero + 6.0F;
  lanes = lanes < zero ? zero : lanes;
  lanes = lanes > six ? six : lanes;
}

/// The place of a tile that may not end beyond `end`: rather some of it is computed twice.
EDB_INLINE std::size_t Fitted(std::size_t first, std::size_t size, std::size_t end) {
  return std::min(first, end - size);
}

/// The sums of some pixels times a panel.
template <typename Isa>
struct Tile {
  static constexpr std::size_t kParts = kPanel / Isa::kLanes;

  typename Isa::Lanes sums[Isa::kRows][kParts];
};

template <typename Isa>
EDB_INLINE void Multiply(const Pointwise& shape, const float* in, const float* panel,
                         Tile<Isa>& tile) {
  for (std::size_t i = 0; i < shape.inputs; ++i) {
    typename Isa::Lanes weights[Tile<Isa>::kParts];
    for (std::size_t part = 0; part < Tile<Isa>::kParts; ++part) {
      Load(panel + i * kPanel + part * Isa::kLanes, weights[part]);
    }
    for (std::size_t row = 0; row < Isa::kRows; ++row) {
      const float value = in[row * shape.inputs + i];
      for (std::size_t part = 0; part < Tile<Isa>::kParts; ++part) {
        tile.sums[row][part] += value * weights[part];
      }
    }
  }
}

template <typename Isa>
EDB_INLINE void Finish(const Pointwise& shape, std::size_t place, Tile<Isa>& tile, float* out) {
  for (std::size_t row = 0; row < Isa::kRows; ++row) {
    for (std::size_t part = 0; part < Tile<Isa>::kParts; ++part) {
      typename Isa::Lanes& sum = tile.sums[row][part];
      const std::size_t at = place + row * shape.outputs + part * Isa::kLanes;
      if (shape.residual != nullptr) {
        typename Isa::Lanes residual;
        Load(shape.residual + at, residual);
        sum += residual;
      } else if (shape.relu6) {
        Relu6(sum);
      }
      Store(sum, out + at);
    }
  }
}

template <typename Isa>
EDB_INLINE void PointwiseBody(const Pointwise& shape, const float* in, float* out) {
  const float* panel = shape.weights;
  for (std::size_t column = 0; column < shape.outputs; column += kPanel) {
    const std::size_t at = Fitted(column, kPanel, shape.outputs);
    for (std::size_t pixel = 0; pixel < shape.pixels; pixel += Isa::kRows) {
      const std::size_t first = Fitted(pixel, Isa::kRows, shape.pixels);
      Tile<Isa> tile = {};
      for (auto& row : tile.sums) {
        for (std::size_t part = 0; part < Tile<Isa>::kParts; ++part) {
          Load(shape.bias + at + part * Isa::kLanes, row[part]);
        }
      }
      Multiply<Isa>(shape, in + first * shape.inputs, panel, tile);
      Finish<Isa>(shape, first * shape.outputs + at, tile, out);
    }
    panel += shape.inputs * kPanel;
  }
}

/// The rows or columns of the kernel that lie within the picture, and where the first one lies.
struct Reach {
  std::size_t first = 0;  ///< of the kernel
  std::size_t count = 3;
  std::size_t at = 0;  ///< of the picture
};

EDB_INLINE Reach ReachOf(std::size_t out, const Spatial& shape) {
  const std::size_t before = shape.stride == 1 ? 1 : 0;  // zeros before the picture
  const std::size_t first = out * shape.stride < before ? 1 : 0;
  const std::size_t at = out * shape.stride + first - before;
  return {.first = first, .count = std::min(3 - first, shape.side - at), .at = at};
}

/// Calls pixel(y, x, place in out) for each pixel of the output.
template <typename Pixel>
EDB_INLINE void ForEachPixel(const Spatial& shape, const Pixel& pixel) {
  const std::size_t side = shape.side / shape.stride;
  for (std::size_t row = 0; row < side; ++row) {
    const Reach y = ReachOf(row, shape);
    for (std::size_t column = 0; column < side; ++column) {
      pixel(y, ReachOf(column, shape), (row * side + column) * shape.channels);
    }
  }
}

template <typename Isa>
EDB_INLINE void DepthwiseBody(const Spatial& shape, const float* in, float* out) {
  const std::size_t channels = shape.channels;
  ForEachPixel(shape, [&](const Reach& y, const Reach& x,
                          std::size_t place) __attribute__((always_inline)) {
    for (std::size_t channel = 0; channel < channels; channel += Isa::kLanes) {
      typename Isa::Lanes sum;
      Load(shape.bias + channel, sum);
      for (std::size_t i = 0; i < y.count; ++i) {
        const float* pixels = in + ((y.at + i) * shape.side + x.at) * channels + channel;
        const float* weights = shape.weights + ((y.first + i) * 3 + x.first) * channels + channel;
        for (std::size_t j = 0; j < x.count; ++j) {
          typename Isa::Lanes value;
          typename Isa::Lanes weight;
          Load(pixels + j * channels, value);
          Load(weights + j * channels, weight);
          sum += value * weight;
        }
      }
      Relu6(sum);
      Store(sum, out + place + channel);
    }
  });
}

template <typename Isa>
EDB_INLINE void FirstBody(const Spatial& shape, const float* in, float* out) {
  constexpr std::size_t kColours = 3;
  const std::size_t channels = shape.channels;
  ForEachPixel(
      shape, [&](const Reach& y, const Reach& x, std::size_t place) __attribute__((always_inline)) {
        for (std::size_t channel = 0; channel < channels; channel += Isa::kLanes) {
          typename Isa::Lanes sum;
          Load(shape.bias + channel, sum);
          for (std::size_t i = 0; i < y.count; ++i) {
            // The colours of neighbours lie side by side, as their weights do.
            const float* values = in + ((y.at + i) * shape.side + x.at) * kColours;
            const float* weights =
                shape.weights + ((y.first + i) * 3 + x.first) * kColours * channels + channel;
            for (std::size_t j = 0; j < x.count * kColours; ++j) {
              typename Isa::Lanes weight;
              Load(weights + j * channels, weight);
              sum += values[j] * weight;
            }
          }
          Relu6(sum);
          Store(sum, out + place + channel);
        }
      });
}

void PointwiseGeneric(const Pointwise& shape, const float* in, float* out) {
  PointwiseBody<Generic>(shape, in, out);
}
void DepthwiseGeneric(const Spatial& shape, const float* in, float* out) {
  DepthwiseBody<Generic>(shape, in, out);
}
void FirstGeneric(const Spatial& shape, const float* in, float* out) {
  FirstBody<Generic>(shape, in, out);
}
constexpr Kernels kGeneric = {"generic", PointwiseGeneric, DepthwiseGeneric, FirstGeneric};

#if defined(__x86_64__)
#define EDB_AVX2 __attribute__((target("avx2,fma")))

EDB_AVX2 void PointwiseAvx2(const Pointwise& shape, const float* in, float* out) {
  PointwiseBody<Avx2>(shape, in, out);
}
EDB_AVX2 void DepthwiseAvx2(const Spatial& shape, const float* in, float* out) {
  DepthwiseBody<Avx2>(shape, in, out);
}
EDB_AVX2 void FirstAvx2(const Spatial& shape, const float* in, float* out) {
  FirstBody<Avx2>(shape, in, out);
}
constexpr Kernels kAvx2 = {"avx2", PointwiseAvx2, DepthwiseAvx2, FirstAvx2};
#endif

}  // namespace

const Kernels& GenericKernels() {
  return kGeneric;
}

const Kernels& BestKernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return kAvx2;
  }
#endif
  return kGeneric;
}

std::vector<float> PackPanels(const std::vector<float>& weights, std::size_t outputs) {
  const std::size_t inputs = weights.size() / outputs;
  std::vector<float> packed;
  packed.reserve((outputs + kPanel - 1) / kPanel * kPanel * inputs);
  for (std::size_t column = 0; column < outputs; column += kPanel) {
    const float* from = weights.data() + Fitted(column, kPanel, outputs);
    for (std::size_t i = 0; i < inputs; ++i, from += outputs) {
      packed.insert(packed.end(), from, from + kPanel);
    }
  }
  return packed;
}

}  // namespace embeddingsdb::mobilenet
