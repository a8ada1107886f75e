// SPDX-License-Identifier: BSD-3-Clause
//
// One picture through mobilenet://, and what takes the time of it: the best of some turns, in time
// of the thread, so that what else runs on the machine disturbs less.
//
//   picture_model_bench [turns]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/uri.h"

#include "embedders/mobilenet/mobilenet_embedder.h"
#include "embedders/mobilenet/network.h"
#include "pictures/picture.h"

namespace embeddingsdb {
namespace {

using mobilenet::Network;

double Milliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

template <typename Work>
void Time(const std::string& name, int turns, const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int turn = 0; turn < turns; ++turn) {
    const double start = Milliseconds();
    work();
    best = std::min(best, Milliseconds() - start);
  }
  std::printf("%-40s %6.1f ms\n", name.c_str(), best);
}

Status Run(int turns) {
  std::ifstream in(EDB_TEST_PICTURES "geography/tasmania-black.png", std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EDB_ASSIGN(const Picture picture, DecodePicture(file));
  const std::vector<float> fitted = FitOnWhite(picture, mobilenet::kSide);

  for (const auto* kernels : {&mobilenet::BestKernels(), &mobilenet::GenericKernels()}) {
    EDB_ASSIGN(const auto network, Network::Load(mobilenet::BuiltinWeights(), *kernels));
    Time("network, " + std::string(kernels->isa), turns, [&] { (void)network->Run(fitted); });
  }
  Time("weights made floats", turns, [] { (void)Network::Load(mobilenet::BuiltinWeights()); });
  Time("a PNG of 794 x 1,123 decoded", turns, [&] { (void)DecodePicture(file); });
  Time("and fitted", turns, [&] { (void)FitOnWhite(picture, mobilenet::kSide); });

  EDB_ASSIGN(const Uri uri, Uri::Parse("mobilenet://"));
  EDB_ASSIGN(const auto embedder, OpenMobilenetEmbedder(uri, {}));
  const EmbedRequest request = {.model = "", .body = file};
  Time("all of it", turns, [&] { (void)embedder->Image(request); });
  return {};
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  const int turns = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 20;
  const embeddingsdb::Status status = embeddingsdb::Run(turns);
  if (!status.ok()) {
    (void)std::fprintf(stderr, "picture_model_bench: %s\n", status.ToString().c_str());
    return 1;
  }
  return 0;
}
