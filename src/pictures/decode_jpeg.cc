// SPDX-License-Identifier: BSD-3-Clause
//
// With TurboJPEG: its errors are values, and nothing jumps over our frames. What it would warn of
// (data that are missing or make no sense) is an error, because the rest would be grey.
#include <memory>
#include <turbojpeg.h>
#include <type_traits>
#include <utility>

#include "pictures/decoders.h"
#include "pictures/orientation.h"

namespace embeddingsdb {
namespace {

struct DestroyDecoder {
  void operator()(void* decoder) const { tjDestroy(decoder); }
};
using DecoderPtr = std::unique_ptr<std::remove_pointer_t<tjhandle>, DestroyDecoder>;

// Adobe's programs, from which such files come, write the four inks inverted.
void InksToColours(const Picture& picture) {
  std::uint8_t* pixel = picture.rgba.get();
  for (std::size_t i = 0; i < picture.size.pixels(); ++i, pixel += 4) {
    const std::uint32_t black = pixel[3];
    for (std::size_t ink = 0; ink < 3; ++ink) {
      pixel[ink] = static_cast<std::uint8_t>((pixel[ink] * black + 127) / 255);
    }
    pixel[3] = 255;
  }
}

}  // namespace

Result<Picture> DecodeJpeg(std::string_view bytes, std::int64_t max_pixels) {
  const DecoderPtr decoder(tjInitDecompress());
  if (!decoder) {
    return ResourceExhaustedError("picture: no memory for the JPEG decoder");
  }
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &colours) != 0) {
    return DamagedPicture("JPEG", tjGetErrorStr2(decoder.get()));
  }
  EDB_ASSIGN(Picture picture, NewPicture({.width = width, .height = height}, max_pixels));
  const bool inks = colours == TJCS_CMYK || colours == TJCS_YCCK;
  constexpr int kFlags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(decoder.get(), data, bytes.size(), picture.rgba.get(), width, 0, height,
                    inks ? TJPF_CMYK : TJPF_RGBA, kFlags) != 0) {
    return DamagedPicture("JPEG", tjGetErrorStr2(decoder.get()));
  }
  if (inks) {
    InksToColours(picture);
  }
  return TurnUpright(std::move(picture), OrientationOfJpeg(bytes));
}

}  // namespace embeddingsdb
