// SPDX-License-Identifier: BSD-3-Clause
//
// main() of the fuzz targets where libFuzzer is not: tries every seed, and then seeds with a few
// bytes changed, always the same ones.
//   uri_fuzz RUNS FOLDER...
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"

namespace embeddingsdb::fuzz {
namespace {

using Random = std::mt19937;

/// The files below the folders, in the order of their names.
std::vector<std::string> ReadSeeds(char** folders, char** end) {
  std::vector<std::filesystem::path> paths;
  for (; folders != end; ++folders) {
    for (const auto& entry : std::filesystem::directory_iterator(*folders)) {
      paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  std::vector<std::string> seeds;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return seeds;
}

/// A few bytes changed, put in or taken out, and now and then the end cut off.
std::string Mutated(std::string bytes, Random& random) {
  for (std::size_t change = 1 + random() % 4; change > 0; --change) {
    const std::size_t at = random() % (bytes.size() + 1);
    const char byte = static_cast<char>(random() % 256);
    const unsigned how = random() % 16;
    if (at == bytes.size() || how < 3) {
      bytes.insert(at, 1, byte);
    } else if (how < 6) {
      bytes.erase(at, 1 + random() % 3);
    } else if (how == 6) {
      bytes.resize(at);
    } else {
      bytes[at] = byte;
    }
  }
  return bytes;
}

/// From memory of exactly this size, so that reading beyond it is seen.
void Try(const std::string& input) {
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace
}  // namespace embeddingsdb::fuzz

int main(int argc, char** argv) {
  namespace fuzz = embeddingsdb::fuzz;
  const std::size_t runs = argc < 3 ? 0 : std::strtoull(argv[1], nullptr, 10);
  const std::vector<std::string> seeds =
      argc < 3 ? std::vector<std::string>() : fuzz::ReadSeeds(argv + 2, argv + argc);
  if (seeds.empty()) {
    std::cerr << "usage: " << argv[0] << " RUNS FOLDER...\n";
    return 2;
  }
  for (const std::string& seed : seeds) {
    fuzz::Try(seed);
  }
  fuzz::Random random(20'261'126);  // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable on purpose
  for (std::size_t run = seeds.size(); run < runs; ++run) {
    fuzz::Try(fuzz::Mutated(seeds[run % seeds.size()], random));
  }
  std::cerr << seeds.size() << " seeds, " << std::max(runs, seeds.size()) << " runs\n";
  return 0;
}
