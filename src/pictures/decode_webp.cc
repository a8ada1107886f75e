// SPDX-License-Identifier: BSD-3-Clause
#include <webp/decode.h>

#include "pictures/decoders.h"

namespace embeddingsdb {

Result<Picture> DecodeWebp(std::string_view bytes, std::int64_t max_pixels) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPBitstreamFeatures features = {};
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK) {
    return DamagedPicture("WebP", "its head makes no sense");
  }
  if (features.has_animation != 0) {
    return UnimplementedError("picture: animated WebP files are not read");
  }
  EDB_ASSIGN(Picture picture,
             NewPicture({.width = features.width, .height = features.height}, max_pixels));
  if (WebPDecodeRGBAInto(data, bytes.size(), picture.rgba.get(), 4 * picture.size.pixels(),
                         4 * features.width) == nullptr) {
    return DamagedPicture("WebP", "its pixels cannot be decoded");
  }
  return picture;
}

}  // namespace embeddingsdb
