// SPDX-License-Identifier: BSD-3-Clause
//
// Picture files for tests, written by the encoders of the libraries whose decoders are tested.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_PICTURE_FILES_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_PICTURE_FILES_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <gif_lib.h>
#include <map>
#include <png.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <turbojpeg.h>
#include <utility>
#include <vector>
#include <webp/encode.h>
#include <webp/mux.h>

#include "pictures/picture.h"

namespace embeddingsdb {

inline void PutPixel(const Picture& picture, std::size_t place,
                     const std::array<std::uint8_t, 4>& rgba) {
  std::memcpy(picture.rgba.get() + 4 * place, rgba.data(), rgba.size());
}

/// A picture with fewer than 256 colours, no two neighbours alike, and transparent in its first
/// four pixels.
inline Picture SmallPicture(std::int64_t width = 16, std::int64_t height = 12) {
  Picture picture = {.size = {.width = width, .height = height}};
  picture.rgba.reset(new std::uint8_t[4 * picture.size.pixels()]);
  for (std::size_t i = 0; i < picture.size.pixels(); ++i) {
    const auto x = static_cast<std::size_t>(static_cast<std::int64_t>(i) % width);
    const auto y = static_cast<std::size_t>(static_cast<std::int64_t>(i) / width);
    const bool transparent = i < 4;
    PutPixel(
        picture, i,
        {static_cast<std::uint8_t>(x % 16 * 16), static_cast<std::uint8_t>(y % 12 * 20),
         static_cast<std::uint8_t>(x % 2 * 100), static_cast<std::uint8_t>(transparent ? 0 : 255)});
  }
  return picture;
}

inline std::string EncodePng(const Picture& picture, png_uint_32 format = PNG_FORMAT_RGBA) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.size.width);
  image.height = static_cast<png_uint_32>(picture.size.height);
  image.format = PNG_FORMAT_RGBA;
  std::vector<std::uint8_t> pixels(picture.rgba.get(),
                                   picture.rgba.get() + 4 * picture.size.pixels());
  if (format == PNG_FORMAT_RGB) {
    for (std::size_t i = 0; i < picture.size.pixels(); ++i) {
      std::memmove(pixels.data() + 3 * i, pixels.data() + 4 * i, 3);
    }
    image.format = PNG_FORMAT_RGB;
  }
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr);
  std::string file(size, '\0');
  if (png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error(image.message);
  }
  file.resize(size);
  return file;
}

struct JpegOptions {
  int flags = 0;  ///< TJFLAG_PROGRESSIVE
  bool grey = false;
  bool inks = false;  ///< the four bytes of a pixel are inks, inverted
};

inline std::string EncodeJpeg(const Picture& picture, const JpegOptions& options = {}) {
  const tjhandle encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int result =
      tjCompress2(encoder, picture.rgba.get(), static_cast<int>(picture.size.width), 0,
                  static_cast<int>(picture.size.height), options.inks ? TJPF_CMYK : TJPF_RGBX,
                  &data, &size, options.grey ? TJSAMP_GRAY : TJSAMP_444, 100, options.flags);
  std::string file(reinterpret_cast<const char*>(data), size);
  tjFree(data);
  tjDestroy(encoder);
  if (result != 0) {
    throw std::runtime_error("tjCompress2");
  }
  return file;
}

/// Lossless, or as good as lossy can be.
inline std::string EncodeWebp(const Picture& picture, bool lossless = true) {
  const auto width = static_cast<int>(picture.size.width);
  const auto height = static_cast<int>(picture.size.height);
  std::uint8_t* data = nullptr;
  const std::size_t size =
      lossless ? WebPEncodeLosslessRGBA(picture.rgba.get(), width, height, 4 * width, &data)
               : WebPEncodeRGBA(picture.rgba.get(), width, height, 4 * width, 100, &data);
  std::string file(reinterpret_cast<const char*>(data), size);
  WebPFree(data);
  return file;
}

struct AnimationOptions {
  bool lossless = true;
  int frames = 1;  ///< all alike
  int left = 0;    ///< even; pixels of the screen before the picture
  int top = 0;     ///< even; above it
};

/// An animated WebP with a screen that ends where the picture does.
inline std::string AnimateWebp(const Picture& picture, const AnimationOptions& options = {}) {
  const std::string still = EncodeWebp(picture, options.lossless);
  const WebPMuxFrameInfo frame = {
      .bitstream = {.bytes = reinterpret_cast<const std::uint8_t*>(still.data()),
                    .size = still.size()},
      .x_offset = options.left,
      .y_offset = options.top,
      .duration = 100,
      .id = WEBP_CHUNK_ANMF,
      .dispose_method = WEBP_MUX_DISPOSE_NONE,
      .blend_method = WEBP_MUX_BLEND,
      .pad = {}};
  const WebPMuxAnimParams params = {.bgcolor = 0xff00ff00, .loop_count = 0};
  WebPMux* const mux = WebPMuxNew();
  WebPData assembled = {};
  bool ok =
      WebPMuxSetCanvasSize(mux, options.left + static_cast<int>(picture.size.width),
                           options.top + static_cast<int>(picture.size.height)) == WEBP_MUX_OK &&
      WebPMuxSetAnimationParams(mux, &params) == WEBP_MUX_OK;
  for (int i = 0; i < options.frames; ++i) {
    ok = ok && WebPMuxPushFrame(mux, &frame, 1) == WEBP_MUX_OK;
  }
  ok = ok && WebPMuxAssemble(mux, &assembled) == WEBP_MUX_OK;
  std::string file(reinterpret_cast<const char*>(assembled.bytes), assembled.size);
  WebPDataClear(&assembled);
  WebPMuxDelete(mux);
  if (!ok) {
    throw std::runtime_error("WebPMux");
  }
  return file;
}

struct GifOptions {
  bool interlaced = false;
  int frames = 1;       ///< all alike
  int screen_left = 0;  ///< pixels of the screen before the picture
};

/// Of a picture with up to 255 colours.
inline std::string EncodeGif(const Picture& picture, const GifOptions& options = {}) {
  const auto write = [](GifFileType* gif, const GifByteType* bytes, int count) {
    static_cast<std::string*>(gif->UserData)
        ->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
    return count;
  };
  const auto width = static_cast<int>(picture.size.width);
  const auto height = static_cast<int>(picture.size.height);
  std::map<std::array<std::uint8_t, 4>, int> colours;
  std::vector<GifPixelType> pixels(picture.size.pixels());
  std::array<GifColorType, 256> table = {};
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    std::array<std::uint8_t, 4> rgba = {};
    std::memcpy(rgba.data(), picture.rgba.get() + 4 * i, rgba.size());
    rgba = rgba[3] == 0 ? std::array<std::uint8_t, 4>{} : rgba;
    const int index = colours.emplace(rgba, static_cast<int>(colours.size())).first->second;
    table.at(static_cast<std::size_t>(index)) = {rgba[0], rgba[1], rgba[2]};
    pixels[i] = static_cast<GifPixelType>(index);
  }
  const auto transparent = colours.find({});
  std::string file;
  int error = 0;
  GifFileType* const gif = EGifOpen(&file, write, &error);
  EGifSetGifVersion(gif, true);
  ColorMapObject* const map = GifMakeMapObject(256, table.data());
  bool ok = EGifPutScreenDesc(gif, width + options.screen_left, height, 8, 0, map) == GIF_OK;
  for (int frame = 0; frame < options.frames; ++frame) {
    if (transparent != colours.end()) {
      const GraphicsControlBlock control = {.TransparentColor = transparent->second};
      std::array<GifByteType, 4> block = {};
      EGifGCBToExtension(&control, block.data());
      ok = ok && EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, block.data()) == GIF_OK;
    }
    ok = ok && EGifPutImageDesc(gif, options.screen_left, 0, width, height, options.interlaced,
                                nullptr) == GIF_OK;
    const std::vector<std::pair<int, int>> passes =
        options.interlaced ? std::vector<std::pair<int, int>>{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
                           : std::vector<std::pair<int, int>>{{0, 1}};
    for (const auto& [first, step] : passes) {
      for (int row = first; row < height; row += step) {
        ok = ok && EGifPutLine(gif, pixels.data() + static_cast<std::ptrdiff_t>(row) * width,
                               width) == GIF_OK;
      }
    }
  }
  GifFreeMapObject(map);
  if (EGifCloseFile(gif, &error) != GIF_OK || !ok) {
    throw std::runtime_error("EGif");
  }
  return file;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_PICTURE_FILES_H_
