// SPDX-License-Identifier: BSD-3-Clause
//
// Picture files: what is decoded is within the limits, each byte of it is there to be read, and it
// fits into a square as numbers from 0 to 1; what is not decoded says so of the picture.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz/fuzz.h"
#include "pictures/picture.h"

namespace embeddingsdb::fuzz {
namespace {

constexpr std::size_t kSide = 16;
// A few bytes can ask for more, which takes all of the time.
constexpr std::int64_t kMostPixels = 1'000'000;

void Decode(std::string_view bytes) {
  const Result<Picture> picture = DecodePicture(bytes, kMostPixels);
  if (!picture.ok()) {
    Require(picture.status().message().starts_with("picture: "), "an error is of the picture",
            picture.status().message());
    return;
  }
  const PictureSize size = picture->size;
  Require(size.width > 0 && size.height > 0 && size.width <= kMostPixels / size.height,
          "a picture is within its limits");
  std::vector<float> fitted = FitOnWhite(*picture, kSide);
  if (kCanary) {
    fitted.back() = 2;
  }
  Require(fitted.size() == kSide * kSide * 3, "a picture fits its square");
  Require(std::ranges::all_of(fitted, [](float value) { return value >= 0 && value <= 1; }),
          "a fitted picture has numbers from 0 to 1");
}

}  // namespace
}  // namespace embeddingsdb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  embeddingsdb::fuzz::Decode(embeddingsdb::fuzz::Text(data, size));
  return 0;
}
