// SPDX-License-Identifier: BSD-3-Clause
#include "pictures/orientation.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "pictures/decoders.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kExif("Exif\0\0", 6);
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShort = 3;
constexpr std::size_t kEntryBytes = 12;

/// Numbers of a text; 0 beyond its end.
class Numbers {
 public:
  Numbers(std::string_view bytes, bool little) : bytes_(bytes), little_(little) {}

  std::uint32_t At(std::size_t place, std::size_t size) const {
    if (place > bytes_.size() || size > bytes_.size() - place) {
      return 0;
    }
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t next = little_ ? size - 1 - i : i;
      number = number << 8U | static_cast<std::uint8_t>(bytes_[place + next]);
    }
    return number;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

/// The Orientation of the first directory of a TIFF structure.
int OrientationOfTiff(std::string_view tiff) {
  const bool little = tiff.starts_with(std::string_view("II*\0", 4));
  if (!little && !tiff.starts_with(std::string_view("MM\0*", 4))) {
    return kUpright;
  }
  const Numbers numbers(tiff, little);
  const std::size_t directory = numbers.At(4, 4);
  const std::uint32_t entries = numbers.At(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (entry > tiff.size()) {
      break;
    }
    if (numbers.At(entry, 2) == kOrientationTag && numbers.At(entry + 2, 2) == kShort) {
      const std::uint32_t value = numbers.At(entry + 8, 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
    }
  }
  return kUpright;
}

/// Where the pixel of the upright picture at (x, y) is in the one that lies.
std::int64_t SourceOf(int orientation, PictureSize lying, std::int64_t x, std::int64_t y) {
  const std::int64_t right = lying.width - 1;
  const std::int64_t bottom = lying.height - 1;
  const auto at = [&](std::int64_t column, std::int64_t row) { return row * lying.width + column; };
  switch (orientation) {
    case 2:
      return at(right - x, y);
    case 3:
      return at(right - x, bottom - y);
    case 4:
      return at(x, bottom - y);
    case 5:
      return at(y, x);
    case 6:
      return at(y, bottom - x);
    case 7:
      return at(right - y, bottom - x);
    case 8:
      return at(right - y, x);
    default:
      return at(x, y);
  }
}

}  // namespace

int OrientationOfJpeg(std::string_view bytes) {
  const Numbers numbers(bytes, false);
  // Segments stand before the picture: a marker of two bytes, then a length that counts itself.
  for (std::size_t place = 2; numbers.At(place, 1) == 0xFF;) {
    const std::uint32_t marker = numbers.At(place + 1, 1);
    const std::uint32_t length = numbers.At(place + 2, 2);
    if (marker == 0xDA || length < 2 || length > bytes.size() - place - 2) {
      break;
    }
    const std::string_view segment = bytes.substr(place + 4, length - 2);
    if (marker == 0xE1 && segment.starts_with(kExif)) {
      return OrientationOfTiff(segment.substr(kExif.size()));
    }
    place += 2 + length;
  }
  return kUpright;
}

Result<Picture> TurnUpright(Picture picture, int orientation) {
  if (orientation == kUpright) {
    return picture;
  }
  PictureSize size = picture.size;
  if (orientation >= 5) {
    size = {.width = picture.size.height, .height = picture.size.width};
  }
  EDB_ASSIGN(Picture upright, NewPicture(size, size.width * size.height));
  std::uint8_t* pixel = upright.rgba.get();
  for (std::int64_t y = 0; y < size.height; ++y) {
    for (std::int64_t x = 0; x < size.width; ++x, pixel += 4) {
      std::memcpy(pixel, picture.rgba.get() + 4 * SourceOf(orientation, picture.size, x, y), 4);
    }
  }
  return upright;
}

}  // namespace embeddingsdb
