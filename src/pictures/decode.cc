// SPDX-License-Identifier: BSD-3-Clause
#include <new>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "pictures/decoders.h"

namespace embeddingsdb {

Result<Picture> NewPicture(PictureSize size, std::int64_t max_pixels) {
  if (size.width < 1 || size.height < 1) {
    return InvalidArgumentError(Concat("picture: it has ", size.width, " x ", size.height,
                                       " pixels, it must have one or more"));
  }
  if (size.width > max_pixels / size.height) {
    return InvalidArgumentError(Concat("picture: it has ", size.width, " x ", size.height,
                                       " pixels, the limit is ", max_pixels));
  }
  Picture picture = {.size = size};
  picture.rgba.reset(new (std::nothrow) std::uint8_t[4 * size.pixels()]);
  if (!picture.rgba) {
    return ResourceExhaustedError(
        Concat("picture: no memory for ", size.width, " x ", size.height, " pixels"));
  }
  return picture;
}

Status DamagedPicture(std::string_view format, std::string_view why) {
  return InvalidArgumentError(Concat("picture: the ", format, " file is damaged: ", why));
}

Result<Picture> DecodePicture(std::string_view bytes, std::int64_t max_pixels) {
  if (bytes.empty()) {
    return InvalidArgumentError("picture: it is empty");
  }
  if (bytes.size() > kMaxPictureBytes) {
    return InvalidArgumentError(
        Concat("picture: it has ", bytes.size(), " bytes, the limit is ", kMaxPictureBytes));
  }
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    return DecodePng(bytes, max_pixels);
  }
  if (bytes.starts_with("\xff\xd8\xff")) {
    return DecodeJpeg(bytes, max_pixels);
  }
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) {
    return DecodeWebp(bytes, max_pixels);
  }
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) {
    return DecodeGif(bytes, max_pixels);
  }
  return InvalidArgumentError("picture: it is no PNG, JPEG, WebP or GIF file");
}

}  // namespace embeddingsdb
