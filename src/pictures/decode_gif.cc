// SPDX-License-Identifier: BSD-3-Clause
//
// Record by record up to the first picture: giflib's one call for everything would also keep all
// pictures of an animation.
#include <algorithm>
#include <array>
#include <cstring>
#include <gif_lib.h>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pictures/decoders.h"

namespace embeddingsdb {
namespace {

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using GifPtr = std::unique_ptr<GifFileType, CloseGif>;

/// The library's reader: takes from the front of the text that it is given.
int TakeBytes(GifFileType* gif, GifByteType* to, int wanted) {
  auto& rest = *static_cast<std::string_view*>(gif->UserData);
  const std::size_t count = std::min(rest.size(), static_cast<std::size_t>(wanted));
  std::memcpy(to, rest.data(), count);
  rest.remove_prefix(count);
  return static_cast<int>(count);
}

Status Damaged(int error) {
  const char* const text = GifErrorString(error);
  return DamagedPicture("GIF", text == nullptr ? "it ends early" : text);
}

/// What an extension says of the picture after it: the colour that is transparent.
Status ReadExtension(GifFileType& gif, std::optional<int>& transparent) {
  int code = 0;
  GifByteType* block = nullptr;
  if (DGifGetExtension(&gif, &code, &block) == GIF_ERROR) {
    return Damaged(gif.Error);
  }
  while (block != nullptr) {
    GraphicsControlBlock control = {};
    if (code == GRAPHICS_EXT_FUNC_CODE &&
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK &&
        control.TransparentColor != NO_TRANSPARENT_COLOR) {
      transparent = control.TransparentColor;
    }
    if (DGifGetExtensionNext(&gif, &block) == GIF_ERROR) {
      return Damaged(gif.Error);
    }
  }
  return {};
}

/// Goes on to the first picture and tells its transparent colour.
Result<std::optional<int>> FindPicture(GifFileType& gif) {
  std::optional<int> transparent;
  for (;;) {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(&gif, &record) == GIF_ERROR) {
      return Damaged(gif.Error);
    }
    if (record == TERMINATE_RECORD_TYPE) {
      return DamagedPicture("GIF", "it has no picture");
    }
    if (record == IMAGE_DESC_RECORD_TYPE) {
      return transparent;
    }
    EDB_TRY(ReadExtension(gif, transparent));
  }
}

/// The rows of a picture in the order in which the file has them.
std::vector<int> RowOrder(const GifImageDesc& frame) {
  struct Pass {
    int first;
    int step;
  };
  constexpr std::array<Pass, 4> kInterlaced = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  constexpr std::array<Pass, 1> kPlain = {{{0, 1}}};
  std::vector<int> rows;
  for (const Pass& pass :
       frame.Interlace ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kPlain)) {
    for (int row = pass.first; row < frame.Height; row += pass.step) {
      rows.push_back(row);
    }
  }
  return rows;
}

Status ReadRows(GifFileType& gif, std::optional<int> transparent, const Picture& picture) {
  const GifImageDesc& frame = gif.Image;
  const ColorMapObject* const colours = frame.ColorMap != nullptr ? frame.ColorMap : gif.SColorMap;
  if (colours == nullptr) {
    return DamagedPicture("GIF", "it has no colours");
  }
  std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
  for (const int row : RowOrder(frame)) {
    if (DGifGetLine(&gif, line.data(), frame.Width) == GIF_ERROR) {
      return Damaged(gif.Error);
    }
    const std::int64_t first = (frame.Top + row) * picture.size.width + frame.Left;
    std::uint8_t* pixel = picture.rgba.get() + 4 * first;
    for (const GifPixelType index : line) {
      if (index == transparent) {
        std::memset(pixel, 0, 4);
      } else if (index < colours->ColorCount) {
        const GifColorType& colour = colours->Colors[index];
        const std::array<std::uint8_t, 4> rgba = {colour.Red, colour.Green, colour.Blue, 255};
        std::memcpy(pixel, rgba.data(), rgba.size());
      } else {
        return DamagedPicture("GIF", "a pixel has a colour that is not there");
      }
      pixel += 4;
    }
  }
  return {};
}

}  // namespace

Result<Picture> DecodeGif(std::string_view bytes, std::int64_t max_pixels) {
  int error = 0;
  const GifPtr gif(DGifOpen(&bytes, TakeBytes, &error));
  if (!gif) {
    return Damaged(error);
  }
  EDB_ASSIGN(const std::optional<int> transparent, FindPicture(*gif));
  if (DGifGetImageDesc(gif.get()) == GIF_ERROR) {
    return Damaged(gif->Error);
  }
  const GifImageDesc& frame = gif->Image;
  if (frame.Width < 1 || frame.Height < 1) {
    return DamagedPicture("GIF", "its picture has no pixels");
  }
  // The picture may lie beyond a screen that is too small, which browsers make larger.
  EDB_ASSIGN(Picture picture,
             NewPicture({.width = std::max(gif->SWidth, frame.Left + frame.Width),
                         .height = std::max(gif->SHeight, frame.Top + frame.Height)},
                        max_pixels));
  std::memset(picture.rgba.get(), 0, 4 * picture.size.pixels());
  EDB_TRY(ReadRows(*gif, transparent, picture));
  return picture;
}

}  // namespace embeddingsdb
