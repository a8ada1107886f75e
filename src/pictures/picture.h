// SPDX-License-Identifier: BSD-3-Clause
//
// Pictures: from the bytes of a file that anybody may have sent to pixels, and those to the square
// that picture models look at.
//
// Decoding is the work of libpng, libjpeg-turbo, libwebp and giflib. Ours is that nothing is
// decoded before its size is known to be within bounds, and that what is damaged is an error and
// never a picture with a piece missing.
//
// Threads: pure functions of their arguments.
#ifndef EMBEDDINGSDB_PICTURES_PICTURE_H_
#define EMBEDDINGSDB_PICTURES_PICTURE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

struct PictureSize {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels

  std::size_t pixels() const { return static_cast<std::size_t>(width * height); }
};

/// Rows from the top, pixels from the left, four bytes each: red, green, blue in sRGB, and alpha,
/// which they are not multiplied with (0 is transparent).
struct Picture {
  PictureSize size;
  std::unique_ptr<std::uint8_t[]> rgba;
};

/// Decodes a PNG, JPEG, WebP or GIF file, told by its first bytes; of an animated GIF or WebP the
/// first picture, on its whole screen, which is transparent. A JPEG is turned as its Exif data ask
/// for.
///
/// Takes 4 bytes a pixel, and the libraries up to 8 more while they decode (a progressive JPEG).
/// Errors: kInvalidArgument for other formats, for no bytes, more than kMaxPictureBytes, more than
/// `max_pixels`, and a file that is damaged or ends early: either all that the file has of the
/// picture is there or there is none. kResourceExhausted when there is no memory.
Result<Picture> DecodePicture(std::string_view bytes, std::int64_t max_pixels = kMaxPicturePixels);

/// The picture as large as it fits into a square, in its middle, on white: side * side pixels of
/// three numbers from 0 to 1 (red, green, blue), rows from the top. Transparent parts are white.
///
/// Made smaller with Lanczos' kernel of three lobes, after boxes of whole pixels when it is four
/// times as large or more; made larger with cubic splines (Catmull-Rom). It is what the library
/// that the demo's pictures were made with does, up to rounding.
std::vector<float> FitOnWhite(const Picture& picture, std::size_t side);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PICTURES_PICTURE_H_
