// SPDX-License-Identifier: BSD-3-Clause
//
// Writes small picture files: where the fuzzer of pictures begins.
//   make_picture_seeds FOLDER    makes FOLDER/picture
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "support/picture_files.h"

namespace embeddingsdb {
namespace {

bool Write(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes << std::flush;
  return out.good();
}

bool WriteAll(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const Picture picture = SmallPicture();
  const std::string at = folder + "/";
  return Write(at + "png", EncodePng(picture)) &&
         Write(at + "png_rgb", EncodePng(picture, PNG_FORMAT_RGB)) &&
         Write(at + "jpeg", EncodeJpeg(picture)) &&
         Write(at + "jpeg_progressive", EncodeJpeg(picture, {.flags = TJFLAG_PROGRESSIVE})) &&
         Write(at + "jpeg_grey", EncodeJpeg(picture, {.grey = true})) &&
         Write(at + "jpeg_inks", EncodeJpeg(picture, {.inks = true})) &&
         Write(at + "webp", EncodeWebp(picture)) &&
         Write(at + "webp_lossy", EncodeWebp(picture, false)) &&
         Write(at + "webp_animated", AnimateWebp(picture, {.frames = 2, .left = 2, .top = 4})) &&
         Write(at + "gif", EncodeGif(picture)) &&
         Write(at + "gif_interlaced", EncodeGif(picture, {.interlaced = true})) &&
         Write(at + "gif_animated", EncodeGif(picture, {.frames = 2, .screen_left = 3}));
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_picture_seeds FOLDER\n";
    return 2;
  }
  return embeddingsdb::WriteAll(std::string(argv[1]) + "/picture") ? 0 : 1;
}
