// SPDX-License-Identifier: BSD-3-Clause
//
// One picture through mobilenet://, and what takes the time of it.
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/uri.h"

#include "embedders/mobilenet/mobilenet_embedder.h"
#include "embedders/mobilenet/network.h"
#include "pictures/picture.h"

namespace embeddingsdb {
namespace {

std::string ReadPicture(const char* name) {
  std::ifstream in(std::string(EDB_TEST_PICTURES) + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

template <typename T>
T Must(Result<T> result, benchmark::State& state) {
  if (!result.ok()) {
    state.SkipWithError(result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}

void RunNetwork(benchmark::State& state, const mobilenet::Kernels& kernels) {
  const auto network = Must(mobilenet::Network::Load(mobilenet::BuiltinWeights(), kernels), state);
  const std::vector<float> picture(mobilenet::kPictureFloats, 0.5F);
  for (auto _ : state) {
    benchmark::DoNotOptimize(network->Run(picture));
  }
  state.SetLabel(std::string(kernels.isa));
}

void BM_Network(benchmark::State& state) {
  RunNetwork(state, mobilenet::BestKernels());
}
void BM_NetworkGeneric(benchmark::State& state) {
  RunNetwork(state, mobilenet::GenericKernels());
}

void BM_Load(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(mobilenet::Network::Load(mobilenet::BuiltinWeights()));
  }
}

/// 794 x 1,123 pixels.
void BM_DecodeAndFit(benchmark::State& state) {
  const std::string file = ReadPicture("geography/tasmania-black.png");
  for (auto _ : state) {
    const Picture picture = Must(DecodePicture(file), state);
    benchmark::DoNotOptimize(FitOnWhite(picture, mobilenet::kSide));
  }
}

void BM_WholePicture(benchmark::State& state) {
  const auto embedder =
      Must(OpenMobilenetEmbedder(Must(Uri::Parse("mobilenet://"), state), {}), state);
  const EmbedRequest request = {.model = "", .body = ReadPicture("geography/tasmania-black.png")};
  for (auto _ : state) {
    benchmark::DoNotOptimize(Must(embedder->Image(request), state));
  }
}

BENCHMARK(BM_Network)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NetworkGeneric)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Load)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_DecodeAndFit)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_WholePicture)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace embeddingsdb
