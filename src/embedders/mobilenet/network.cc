// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/mobilenet/network.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/text.h"

namespace embeddingsdb::mobilenet {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

constexpr std::size_t kFirstChannels = 32;

/// An inverted residual block: 1x1 to `expansion` times the channels (not in the first), 3x3 in
/// each channel, 1x1 to `outputs`. Its input is added to its output where both are of one shape.
struct Block {
  std::size_t expansion;
  std::size_t outputs;
  std::size_t stride;
};
constexpr auto kBlocks = std::to_array<Block>({
    {1, 16, 1},
    {6, 24, 2},
    {6, 24, 1},
    {6, 32, 2},
    {6, 32, 1},
    {6, 32, 1},
    {6, 64, 2},
    {6, 64, 1},
    {6, 64, 1},
    {6, 64, 1},
    {6, 96, 1},
    {6, 96, 1},
    {6, 96, 1},
    {6, 160, 2},
    {6, 160, 1},
    {6, 160, 1},
    {6, 320, 1},
});

/// The largest results: of blocks, and within the second.
constexpr std::size_t kBlockFloats = std::size_t{112} * 112 * kFirstChannels;
constexpr std::size_t kInnerFloats = std::size_t{112} * 112 * 96;

enum class Kind : bool { kPointwise, kSpatial };

struct LayerShape {
  Kind kind;
  std::size_t inputs;  ///< weights for each output
  std::size_t outputs;
};

std::vector<LayerShape> LayerShapes() {
  std::vector<LayerShape> shapes = {{Kind::kSpatial, 9 * kColours, kFirstChannels}};
  std::size_t channels = kFirstChannels;
  for (const Block& block : kBlocks) {
    const std::size_t inner = channels * block.expansion;
    if (block.expansion != 1) {
      shapes.push_back({Kind::kPointwise, channels, inner});
    }
    shapes.push_back({Kind::kSpatial, 9, inner});
    shapes.push_back({Kind::kPointwise, inner, block.outputs});
    channels = block.outputs;
  }
  shapes.push_back({Kind::kPointwise, channels, kFeatures});
  return shapes;
}

std::vector<float> TakeFloats(std::string_view& bytes, std::size_t count) {
  std::vector<float> floats(count);
  std::memcpy(floats.data(), bytes.data(), count * sizeof(float));
  bytes.remove_prefix(count * sizeof(float));
  return floats;
}

}  // namespace

struct Network::Buffers {
  std::vector<float> block = std::vector<float>(kBlockFloats);
  std::vector<float> next = std::vector<float>(kBlockFloats);
  std::vector<float> expanded = std::vector<float>(kInnerFloats);
  std::vector<float> filtered = std::vector<float>(kInnerFloats);
};

Result<std::unique_ptr<Network>> Network::Load(std::string_view weights, const Kernels& kernels) {
  std::unique_ptr<Network> network(new Network(kernels));
  const std::vector<LayerShape> shapes = LayerShapes();
  std::size_t expected = 0;
  for (const LayerShape& shape : shapes) {
    expected += shape.outputs * (3 * sizeof(float) + shape.inputs);
  }
  if (weights.size() != expected) {
    return DataLossError(
        Concat("the weights of the picture model have ", weights.size(), " bytes, not ", expected));
  }
  for (const LayerShape& shape : shapes) {
    const std::vector<float> scale = TakeFloats(weights, shape.outputs);
    const std::vector<float> offset = TakeFloats(weights, shape.outputs);
    Layer layer = {.inputs = shape.inputs,
                   .outputs = shape.outputs,
                   .weights = std::vector<float>(shape.inputs * shape.outputs),
                   .bias = TakeFloats(weights, shape.outputs)};
    for (std::size_t i = 0; i < layer.weights.size(); ++i) {
      const std::size_t channel = i % shape.outputs;
      const auto byte = static_cast<std::uint8_t>(weights[i]);
      layer.weights[i] = scale[channel] * static_cast<float>(byte) + offset[channel];
    }
    weights.remove_prefix(layer.weights.size());
    if (shape.kind == Kind::kPointwise) {
      layer.weights = PackPanels(layer.weights, shape.outputs);
    }
    network->layers_.push_back(std::move(layer));
  }
  return network;
}

void Network::RunPointwise(const Layer& layer, Pointwise shape, const float* in, float* out) const {
  shape.inputs = layer.inputs;
  shape.outputs = layer.outputs;
  shape.weights = layer.weights.data();
  shape.bias = layer.bias.data();
  kernels_.pointwise(shape, in, out);
}

void Network::RunBlocks(Buffers& buffers) const {
  const Layer* layer = &layers_[1];
  std::size_t side = kSide / 2;
  std::size_t channels = kFirstChannels;
  for (const Block& block : kBlocks) {
    const float* inner = buffers.block.data();
    if (block.expansion != 1) {
      RunPointwise(*layer++, {.pixels = side * side, .relu6 = true}, inner,
                   buffers.expanded.data());
      inner = buffers.expanded.data();
    }
    kernels_.depthwise({.side = side,
                        .stride = block.stride,
                        .channels = layer->outputs,
                        .weights = layer->weights.data(),
                        .bias = layer->bias.data()},
                       inner, buffers.filtered.data());
    ++layer;
    side /= block.stride;
    const bool same_shape = block.stride == 1 && block.outputs == channels;
    RunPointwise(*layer++,
                 {.pixels = side * side, .residual = same_shape ? buffers.block.data() : nullptr},
                 buffers.filtered.data(), buffers.next.data());
    std::swap(buffers.block, buffers.next);
    channels = block.outputs;
  }
}

std::vector<float> Network::Run(std::span<const float> picture) const {
  Buffers buffers;
  const Layer& first = layers_.front();
  kernels_.first({.side = kSide,
                  .stride = 2,
                  .channels = first.outputs,
                  .weights = first.weights.data(),
                  .bias = first.bias.data()},
                 picture.data(), buffers.block.data());
  RunBlocks(buffers);
  constexpr std::size_t kPixels = (kSide / 32) * (kSide / 32);
  RunPointwise(layers_.back(), {.pixels = kPixels, .relu6 = true}, buffers.block.data(),
               buffers.expanded.data());
  std::vector<float> features(kFeatures);
  for (std::size_t i = 0; i < kPixels * kFeatures; ++i) {
    features[i % kFeatures] += buffers.expanded[i] / static_cast<float>(kPixels);
  }
  return features;
}

}  // namespace embeddingsdb::mobilenet
