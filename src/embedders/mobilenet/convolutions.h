// SPDX-License-Identifier: BSD-3-Clause
//
// The three kinds of convolution that MobileNetV2 is made of, for one picture in float32. Tensors
// are rows of pixels, the channels of a pixel side by side. Batch normalisation is within weights
// and biases.
//
// Threads: pure functions of their arguments, which they only write to `out`. Errors: none; sizes
// are the caller's business.
#ifndef EMBEDDINGSDB_EMBEDDERS_MOBILENET_CONVOLUTIONS_H_
#define EMBEDDINGSDB_EMBEDDERS_MOBILENET_CONVOLUTIONS_H_

#include <cstddef>
#include <string_view>
#include <vector>

namespace embeddingsdb::mobilenet {

/// Output channels that are computed side by side.
inline constexpr std::size_t kPanel = 16;
/// The fewest pixels that Pointwise takes.
inline constexpr std::size_t kMinPixels = 6;

/// A 1x1 convolution: out[p][o] = bias[o] + sum over i of in[p][i] * weight[i][o].
struct Pointwise {
  std::size_t pixels = 0;  ///< at least kMinPixels
  std::size_t inputs = 0;
  std::size_t outputs = 0;         ///< a multiple of 8, at least kPanel
  const float* weights = nullptr;  ///< as PackPanels lays them
  const float* bias = nullptr;
  const float* residual = nullptr;  ///< added to the result when it is not null; as long as out
  bool relu6 = false;               ///< cut to 0 to 6; not together with a residual
};

/// A 3x3 convolution over a square, padded with zeros so that out has side / stride pixels a side;
/// with a stride of 2 only at the end, as Keras pads an even side. Always cut to 0 to 6.
struct Spatial {
  std::size_t side = 0;  ///< of the input, in pixels
  std::size_t stride = 1;
  std::size_t channels = 0;        ///< of the output; a multiple of 8
  const float* weights = nullptr;  ///< Depthwise: [3][3][channels]; First: [3][3][3][channels]
  const float* bias = nullptr;
};

/// The arithmetic of one kind of processor.
struct Kernels {
  std::string_view isa;
  void (*pointwise)(const Pointwise& shape, const float* in, float* out);
  /// Each channel by itself.
  void (*depthwise)(const Spatial& shape, const float* in, float* out);
  /// From red, green and blue to all channels.
  void (*first)(const Spatial& shape, const float* in, float* out);
};

/// The fastest that this processor runs; "generic" runs on each.
const Kernels& BestKernels();
const Kernels& GenericKernels();

/// Lays a matrix [inputs][outputs] in panels of kPanel columns, one after the other. The last panel
/// begins earlier when it would not be full: its first columns are in the one before, too.
std::vector<float> PackPanels(const std::vector<float>& weights, std::size_t outputs);

}  // namespace embeddingsdb::mobilenet

#endif  // EMBEDDINGSDB_EMBEDDERS_MOBILENET_CONVOLUTIONS_H_
