// SPDX-License-Identifier: BSD-3-Clause
//
// With libpng's simplified interface: its errors are values, and nothing jumps over our frames.
#include <png.h>

#include "pictures/decoders.h"

namespace embeddingsdb {
namespace {

class PngImage {
 public:
  PngImage() { image_.version = PNG_IMAGE_VERSION; }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  ~PngImage() { png_image_free(&image_); }

  png_image* get() { return &image_; }
  Status Damaged() const { return DamagedPicture("PNG", image_.message); }

 private:
  png_image image_ = {};
};

}  // namespace

Result<Picture> DecodePng(std::string_view bytes, std::int64_t max_pixels) {
  PngImage image;
  png_image* const png = image.get();
  if (png_image_begin_read_from_memory(png, bytes.data(), bytes.size()) == 0) {
    return image.Damaged();
  }
  EDB_ASSIGN(Picture picture, NewPicture({.width = png->width, .height = png->height}, max_pixels));
  png->format = PNG_FORMAT_RGBA;
  png->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // as everybody else takes 16 bits without a gamma
  if (png_image_finish_read(png, nullptr, picture.rgba.get(), 0, nullptr) == 0) {
    return image.Damaged();
  }
  return picture;
}

}  // namespace embeddingsdb
