// SPDX-License-Identifier: BSD-3-Clause
#include <cstring>
#include <memory>
#include <webp/decode.h>
#include <webp/demux.h>

#include "pictures/decoders.h"

namespace embeddingsdb {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using DemuxerPtr = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

/// Where the first picture of an animation lies in its file and on its screen. The fragment is a
/// part of the file.
struct Frame {
  WebPData fragment = {};
  PictureSize screen;
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;

  bool fits() const {
    return left >= 0 && top >= 0 && left + width <= screen.width && top + height <= screen.height;
  }
};

const std::uint8_t* DataOf(std::string_view bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

Result<Frame> FirstFrame(std::string_view bytes) {
  const WebPData data = {.bytes = DataOf(bytes), .size = bytes.size()};
  const DemuxerPtr demuxer(WebPDemux(&data));
  if (!demuxer) {
    return DamagedPicture("WebP", "its animation makes no sense");
  }
  Frame frame;
  frame.screen = {.width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                  .height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT)};
  WebPIterator at = {};
  if (WebPDemuxGetFrame(demuxer.get(), 1, &at) == 0) {
    return DamagedPicture("WebP", "its animation has no picture");
  }
  frame.fragment = at.fragment;
  frame.left = at.x_offset;
  frame.top = at.y_offset;
  frame.width = at.width;
  frame.height = at.height;
  WebPDemuxReleaseIterator(&at);
  return frame;
}

Result<Picture> DecodeAnimation(std::string_view bytes, std::int64_t max_pixels) {
  EDB_ASSIGN(const Frame frame, FirstFrame(bytes));
  if (!frame.fits()) {  // the demuxer has looked, and here memory depends on it
    return DamagedPicture("WebP", "its first picture is not on its screen");
  }
  EDB_ASSIGN(Picture picture, NewPicture(frame.screen, max_pixels));
  std::memset(picture.rgba.get(), 0, 4 * picture.size.pixels());
  const auto before = static_cast<std::size_t>(frame.top * frame.screen.width + frame.left);
  if (WebPDecodeRGBAInto(frame.fragment.bytes, frame.fragment.size, picture.rgba.get() + 4 * before,
                         4 * (picture.size.pixels() - before),
                         static_cast<int>(4 * frame.screen.width)) == nullptr) {
    return DamagedPicture("WebP", "its pixels cannot be decoded");
  }
  return picture;
}

}  // namespace

Result<Picture> DecodeWebp(std::string_view bytes, std::int64_t max_pixels) {
  WebPBitstreamFeatures features = {};
  if (WebPGetFeatures(DataOf(bytes), bytes.size(), &features) != VP8_STATUS_OK) {
    return DamagedPicture("WebP", "its head makes no sense");
  }
  if (features.has_animation != 0) {
    return DecodeAnimation(bytes, max_pixels);
  }
  EDB_ASSIGN(Picture picture,
             NewPicture({.width = features.width, .height = features.height}, max_pixels));
  if (WebPDecodeRGBAInto(DataOf(bytes), bytes.size(), picture.rgba.get(), 4 * picture.size.pixels(),
                         4 * features.width) == nullptr) {
    return DamagedPicture("WebP", "its pixels cannot be decoded");
  }
  return picture;
}

}  // namespace embeddingsdb
