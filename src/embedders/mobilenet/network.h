// SPDX-License-Identifier: BSD-3-Clause
//
// Network: MobileNetV2 with a width of 1.0 up to its pooled feature layer, as npm's nsfwjs
// publishes it, computed in float32. 300 million multiplications a picture.
#ifndef EMBEDDINGSDB_EMBEDDERS_MOBILENET_NETWORK_H_
#define EMBEDDINGSDB_EMBEDDERS_MOBILENET_NETWORK_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "embedders/mobilenet/convolutions.h"

namespace embeddingsdb::mobilenet {

inline constexpr std::size_t kSide = 224;        ///< of the picture, in pixels
inline constexpr std::size_t kFeatures = 1'280;  ///< of the result
inline constexpr std::size_t kColours = 3;       ///< red, green, blue
inline constexpr std::size_t kPictureFloats = kSide * kSide * kColours;

/// The weights in the executable, in the form that scripts/make-picture-model describes.
std::string_view BuiltinWeights();

/// Threads: Run may be called from several at once; each call takes 10 MB for itself.
class Network {
 public:
  /// Makes floats of the weights: 9 MB. kDataLoss when they are not as long as this network's.
  static Result<std::unique_ptr<Network>> Load(std::string_view weights,
                                               const Kernels& kernels = BestKernels());

  /// The features of a picture, kFeatures numbers from 0 to 6. `picture` is kPictureFloats numbers
  /// from 0 to 1: rows from the top, pixels from the left, red first.
  std::vector<float> Run(std::span<const float> picture) const;

 private:
  struct Layer {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::vector<float> weights;
    std::vector<float> bias;
  };
  /// What is computed: each result lies in one of these while it is needed.
  struct Buffers;

  explicit Network(const Kernels& kernels) : kernels_(kernels) {}

  void RunBlocks(Buffers& buffers) const;
  void RunPointwise(const Layer& layer, Pointwise shape, const float* in, float* out) const;

  const Kernels& kernels_;
  std::vector<Layer> layers_;  ///< in the order in which they are computed
};

}  // namespace embeddingsdb::mobilenet

#endif  // EMBEDDINGSDB_EMBEDDERS_MOBILENET_NETWORK_H_
