// SPDX-License-Identifier: BSD-3-Clause
//
// Picture files: what is in them comes out, and what is wrong with them is an error. Built with the
// address sanitizer, each of these is also a search for reads beyond an end.
#include "pictures/picture.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>

#include "embeddingsdb/limits.h"

#include "support/picture_files.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;

using Pixel = std::array<int, 4>;

Pixel PixelOf(const Picture& picture, std::int64_t x, std::int64_t y) {
  const std::uint8_t* const at = picture.rgba.get() + 4 * (y * picture.size.width + x);
  return {at[0], at[1], at[2], at[3]};
}

/// The largest difference of a colour where the picture is to be seen, or of an alpha; 1,000 for
/// pictures of different sizes.
int LargestDifference(const Picture& a, const Picture& b) {
  if (a.size.width != b.size.width || a.size.height != b.size.height) {
    return 1'000;
  }
  int largest = 0;
  for (std::size_t i = 0; i < 4 * a.size.pixels(); ++i) {
    const std::size_t alpha = i | 3U;
    if (i == alpha || (a.rgba[alpha] != 0 && b.rgba[alpha] != 0)) {
      largest = std::max(largest, std::abs(a.rgba[i] - b.rgba[i]));
    }
  }
  return largest;
}

Picture Opaque(Picture picture) {
  for (std::size_t i = 0; i < picture.size.pixels(); ++i) {
    picture.rgba[4 * i + 3] = 255;
  }
  return picture;
}

struct File {
  std::string name;
  std::string bytes;
  int tolerance = 0;  ///< of a colour
  bool opaque = false;
};

/// A small file of each kind.
std::vector<File> Files() {
  const Picture picture = SmallPicture();
  return {{"png", EncodePng(picture)},
          {"png without alpha", EncodePng(picture, PNG_FORMAT_RGB), 0, true},
          {"jpeg", EncodeJpeg(picture), 6, true},
          {"progressive jpeg", EncodeJpeg(picture, {.flags = TJFLAG_PROGRESSIVE}), 6, true},
          {"lossless webp", EncodeWebp(picture)},
          {"lossy webp", EncodeWebp(picture, false), 100},  // its colours are of 2 x 2 pixels
          {"animated webp", AnimateWebp(picture, {.frames = 3})},
          {"lossy animated webp", AnimateWebp(picture, {.lossless = false, .frames = 2}), 100},
          {"gif", EncodeGif(picture)},
          {"interlaced gif", EncodeGif(picture, {.interlaced = true})},
          {"animated gif", EncodeGif(picture, {.frames = 3})}};
}

TEST(DecodePicture, ReadsEachFormat) {
  for (const File& file : Files()) {
    SCOPED_TRACE(file.name);
    const auto picture = DecodePicture(file.bytes);
    ASSERT_TRUE(picture.ok()) << picture.status();
    EXPECT_LE(LargestDifference(*picture, file.opaque ? Opaque(SmallPicture()) : SmallPicture()),
              file.tolerance);
  }
}

// Canary of the comparison: it sees a single colour of a single pixel.
TEST(DecodePicture, DifferencesAreSeen) {
  const Picture changed = SmallPicture();
  changed.rgba[4 * 100 + 2] ^= 1U;
  EXPECT_EQ(LargestDifference(changed, SmallPicture()), 1);
  EXPECT_EQ(LargestDifference(SmallPicture(12, 16), SmallPicture()), 1'000);
}

TEST(DecodePicture, ReadsGreyAndInks) {
  const auto grey = DecodePicture(EncodeJpeg(SmallPicture(), {.grey = true}));
  ASSERT_TRUE(grey.ok()) << grey.status();
  const Pixel pixel = PixelOf(*grey, 9, 7);
  EXPECT_EQ(pixel[0], pixel[1]);
  EXPECT_EQ(pixel[1], pixel[2]);

  const Picture inks = SmallPicture(8, 8);
  for (std::size_t i = 0; i < inks.size.pixels(); ++i) {
    PutPixel(inks, i, {255, 128, 0, 128});
  }
  const auto colours = DecodePicture(EncodeJpeg(inks, {.inks = true}));
  ASSERT_TRUE(colours.ok()) << colours.status();
  const Pixel of_inks = PixelOf(*colours, 4, 4);
  EXPECT_NEAR(of_inks[0], 128, 2);
  EXPECT_NEAR(of_inks[1], 64, 2);
  EXPECT_NEAR(of_inks[2], 0, 2);
  EXPECT_EQ(of_inks[3], 255);
}

/// The file with an Exif segment that says how it lies, in either order of bytes.
std::string WithOrientation(const std::string& jpeg, int orientation, bool little) {
  const char value = static_cast<char>(orientation);
  std::string tiff = little ? std::string("II*\0\x08\0\0\0\x02\0", 10) +
                                  std::string("\x0f\x01\x02\0\x01\0\0\0\0\0\0\0", 12) +
                                  std::string("\x12\x01\x03\0\x01\0\0\0", 8) + value
                            : std::string("MM\0*\0\0\0\x08\0\x02", 10) +
                                  std::string("\x01\x0f\0\x02\0\0\0\x01\0\0\0\0", 12) +
                                  std::string("\x01\x12\0\x03\0\0\0\x01\0", 9) + value;
  tiff.resize(tiff.size() + 8);
  const std::size_t length = 2 + 6 + tiff.size();
  return jpeg.substr(0, 2) + "\xff\xe1" + std::string(1, '\0') + static_cast<char>(length) +
         std::string("Exif\0\0", 6) + tiff + jpeg.substr(2);
}

// Exif says where the first row and the first column of what is stored belong; "tr" is a first row
// that is the top, and a first column that is the right side.
TEST(DecodePicture, AJpegIsTurnedUpright) {
  const Picture lying = SmallPicture(16, 8);
  for (std::size_t i = 0; i < lying.size.pixels(); ++i) {
    const bool corner = i % 16 < 4 && i / 16 < 4;  // where the first row and column meet
    PutPixel(lying, i, {static_cast<std::uint8_t>(corner ? 250 : 5), 5, 5, 255});
  }
  const std::string jpeg = EncodeJpeg(lying);
  int orientation = 0;
  for (const std::string_view sides : {"tl", "tr", "br", "bl", "lt", "rt", "rb", "lb"}) {
    ++orientation;
    SCOPED_TRACE(sides);
    const bool turned = orientation >= 5;
    const std::int64_t x = sides.find('r') == std::string_view::npos ? 1 : (turned ? 6 : 14);
    const std::int64_t y = sides.find('b') == std::string_view::npos ? 1 : (turned ? 14 : 6);
    for (const bool little : {false, true}) {
      const auto picture = DecodePicture(WithOrientation(jpeg, orientation, little));
      ASSERT_TRUE(picture.ok()) << picture.status();
      EXPECT_EQ(picture->size.width, turned ? 8 : 16);
      EXPECT_GT(PixelOf(*picture, x, y)[0], 200);
      EXPECT_LT(PixelOf(*picture, picture->size.width - 1 - x, y)[0], 50);
      EXPECT_LT(PixelOf(*picture, x, picture->size.height - 1 - y)[0], 50);
    }
  }
}

TEST(DecodePicture, ABadExifSegmentIsNotHeeded) {
  const Picture picture = SmallPicture();
  const std::string jpeg = EncodeJpeg(picture);
  for (const int orientation : {0, 9, 255}) {
    EXPECT_EQ(DecodePicture(WithOrientation(jpeg, orientation, true))->size.width, 16);
  }
  const std::string turned = WithOrientation(jpeg, 6, false);
  ASSERT_EQ(DecodePicture(turned)->size.width, 12);
  for (std::size_t i = 12; i < 45; ++i) {  // the TIFF structure, up to the tag
    std::string damaged = turned;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    const auto decoded = DecodePicture(damaged);
    ASSERT_TRUE(decoded.ok()) << i << ": " << decoded.status();
    EXPECT_EQ(decoded->size.pixels(), picture.size.pixels());
  }
}

TEST(DecodePicture, AGifLiesOnItsScreen) {
  const auto picture = DecodePicture(EncodeGif(SmallPicture(), {.screen_left = 5}));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->size.width, 16 + 5);
  EXPECT_EQ(PixelOf(*picture, 2, 3), (Pixel{0, 0, 0, 0}));
  EXPECT_EQ(PixelOf(*picture, 5 + 3, 3), PixelOf(SmallPicture(), 3, 3));
}

TEST(DecodePicture, AnAnimatedWebpLiesOnItsScreen) {
  const auto picture = DecodePicture(AnimateWebp(SmallPicture(), {.left = 6, .top = 4}));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->size.width, 16 + 6);
  EXPECT_EQ(picture->size.height, 12 + 4);
  EXPECT_EQ(PixelOf(*picture, 2, 3), (Pixel{0, 0, 0, 0}));  // whatever its background
  EXPECT_EQ(PixelOf(*picture, 6 + 3, 4 + 3), PixelOf(SmallPicture(), 3, 3));
  EXPECT_EQ(PixelOf(*picture, 21, 15), PixelOf(SmallPicture(), 15, 11));
}

TEST(DecodePicture, AnAnimatedWebpNeedsAPictureOnItsScreen) {
  const std::string file = AnimateWebp(SmallPicture(), {.frames = 2, .left = 2});
  const std::size_t frame = file.find("ANMF");
  ASSERT_NE(frame, std::string::npos);
  for (const std::size_t at : {frame + 8, frame + 11}) {  // where it lies
    std::string bytes = file;
    bytes[at] = static_cast<char>(bytes[at] + 1);
    EXPECT_THAT(DecodePicture(bytes).status().message(), HasSubstr("WebP file is damaged"))
        << at - frame;
  }
  std::string still = file;  // an animation without pictures
  still.resize(frame);
  still[4] = static_cast<char>(still.size() - 8);
  EXPECT_THAT(DecodePicture(still).status().message(), HasSubstr("WebP file is damaged"));
}

TEST(DecodePicture, RefusesWhatIsNoPicture) {
  for (const std::string_view bytes : {"", "x", "<svg/>", "GIF90a..", "RIFF....WAVE", "BM"}) {
    EXPECT_EQ(DecodePicture(bytes).status().code(), StatusCode::kInvalidArgument) << bytes;
  }
  const std::string large(kMaxPictureBytes + 1, 'x');
  EXPECT_THAT(DecodePicture(large).status().message(),
              HasSubstr("67108865 bytes, the limit is 67108864"));
}

/// What there is of a file is all of its picture, or an error.
void ExpectWholeOrError(const File& file, const Picture& whole, std::string_view bytes) {
  // From memory of exactly this size, so that reading beyond it is seen.
  const std::vector<char> copy(bytes.begin(), bytes.end());
  const auto picture = DecodePicture({copy.data(), copy.size()});
  if (picture.ok()) {
    EXPECT_EQ(LargestDifference(*picture, whole), 0) << file.name << " of " << bytes.size();
  } else {
    EXPECT_EQ(picture.status().code(), StatusCode::kInvalidArgument)
        << file.name << ": " << picture.status();
  }
}

TEST(DecodePicture, EachTruncationIsTheWholePictureOrAnError) {
  for (const File& file : Files()) {
    const auto whole = DecodePicture(file.bytes);
    ASSERT_TRUE(whole.ok()) << file.name;
    for (std::size_t size = 0; size < file.bytes.size(); ++size) {
      ExpectWholeOrError(file, *whole, std::string_view(file.bytes).substr(0, size));
    }
    // Half of a file is never all of it, but of an animation.
    if (file.name != "animated gif") {
      EXPECT_FALSE(DecodePicture(file.bytes.substr(0, file.bytes.size() / 2)).ok()) << file.name;
    }
  }
}

TEST(DecodePicture, SurvivesEachFlippedBit) {
  for (const File& file : Files()) {
    int errors = 0;
    for (std::size_t bit = 0; bit < 8 * file.bytes.size(); ++bit) {
      std::string bytes = file.bytes;
      bytes[bit / 8] =
          static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ 1U << bit % 8);
      const auto picture = DecodePicture(bytes);
      errors += picture.ok() ? 0 : 1;
      if (!picture.ok()) {
        EXPECT_THAT(picture.status().message(), HasSubstr("picture: "));
      }
    }
    EXPECT_GT(errors, 0) << file.name;
  }
}

void PutBigEndian(std::string& bytes, std::size_t at, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes[at + i] = static_cast<char>(value >> (8 * (size - 1 - i)));
  }
}

// A few bytes that say they are a picture of gigabytes: refused before anything is allocated, which
// the sanitizer's allocator would not do either.
TEST(DecodePicture, RefusesBombsByTheSizeTheyState) {
  std::string png = EncodePng(SmallPicture());
  PutBigEndian(png, 16, 100'000, 4);
  PutBigEndian(png, 20, 100'000, 4);
  const auto* const head = reinterpret_cast<const Bytef*>(png.data()) + 12;
  PutBigEndian(png, 29, static_cast<std::uint32_t>(crc32(0, head, 17)), 4);
  std::string jpeg = EncodeJpeg(SmallPicture());
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  PutBigEndian(jpeg, frame + 5, 65'000, 2);
  PutBigEndian(jpeg, frame + 7, 65'000, 2);
  std::string gif = EncodeGif(SmallPicture());
  gif.replace(6, 4, "\xff\xff\xff\xff");
  for (const auto& [name, bytes] : {std::pair{"png", png}, {"jpeg", jpeg}, {"gif", gif}}) {
    EXPECT_THAT(DecodePicture(bytes).status().message(), HasSubstr("the limit is 100000000"))
        << name;
  }
  // The format has no room for more than 16,383 a side: 268 million.
  std::string webp = EncodeWebp(SmallPicture());
  webp.replace(21, 4, "\xff\xff\xff\x0f");
  EXPECT_THAT(DecodePicture(webp).status().message(), HasSubstr("the limit is 100000000"));
  std::string animation = AnimateWebp(SmallPicture(), {.frames = 2});  // it has, for these
  animation.replace(24, 6, std::string("\xff\x7f\0\xff\x7f\0", 6));
  EXPECT_THAT(DecodePicture(animation).status().message(),
              HasSubstr("32768 x 32768 pixels, the limit is 100000000"));
}

TEST(DecodePicture, ACallerMaySetALowerLimit) {
  const std::string file = EncodePng(SmallPicture());
  EXPECT_TRUE(DecodePicture(file, 16 * 12).ok());
  EXPECT_THAT(DecodePicture(file, 16 * 12 - 1).status().message(),
              HasSubstr("16 x 12 pixels, the limit is 191"));
}

TEST(DecodePicture, AnEmptyPictureIsRefused) {
  std::string gif = EncodeGif(SmallPicture());
  const std::size_t frame = gif.find(',', 13 + 3 * 256);
  ASSERT_NE(frame, std::string::npos);
  gif.replace(frame + 5, 2, std::string(2, '\0'));
  EXPECT_EQ(DecodePicture(gif).status().code(), StatusCode::kInvalidArgument);
}

TEST(FitOnWhite, KeepsAPictureOfTheRightSizeAndMakesTransparentWhite) {
  const Picture picture = SmallPicture(12, 12);
  const std::vector<float> fitted = FitOnWhite(picture, 12);
  ASSERT_EQ(fitted.size(), 12U * 12 * 3);
  for (std::size_t i = 0; i < fitted.size(); ++i) {
    const bool transparent = picture.rgba[i / 3 * 4 + 3] == 0;
    const float expected =
        transparent ? 1.0F : static_cast<float>(picture.rgba[i / 3 * 4 + i % 3]) / 255;
    EXPECT_NEAR(fitted[i], expected, 1e-6) << i;
  }
}

TEST(FitOnWhite, PutsAPictureInTheMiddle) {
  const Picture black = SmallPicture(40, 10);
  for (std::size_t i = 0; i < black.size.pixels(); ++i) {
    PutPixel(black, i, {0, 0, 0, 255});
  }
  const std::vector<float> fitted = FitOnWhite(black, 8);
  for (std::size_t y = 0; y < 8; ++y) {
    for (std::size_t i = 0; i < 8 * 3; ++i) {
      EXPECT_NEAR(fitted[y * 8 * 3 + i], y == 3 || y == 4 ? 0 : 1, 1e-6) << y;
    }
  }
}

TEST(FitOnWhite, TakesPicturesOfAllShapes) {
  for (const PictureSize size : {PictureSize{1, 1}, {1, 5'000}, {5'000, 1}, {3, 2}, {223, 225}}) {
    const std::vector<float> fitted =
        FitOnWhite(Opaque(SmallPicture(size.width, size.height)), 224);
    ASSERT_EQ(fitted.size(), 224U * 224 * 3);
    for (const float value : fitted) {
      ASSERT_TRUE(value >= 0 && value <= 1);
    }
  }
}

}  // namespace
}  // namespace embeddingsdb
