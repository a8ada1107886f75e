// SPDX-License-Identifier: BSD-3-Clause
//
// The decoders of one format each, behind DecodePicture. The bytes begin as the format does and are
// no more than kMaxPictureBytes.
#ifndef EMBEDDINGSDB_PICTURES_DECODERS_H_
#define EMBEDDINGSDB_PICTURES_DECODERS_H_

#include <string_view>

#include "embeddingsdb/status.h"

#include "pictures/picture.h"

namespace embeddingsdb {

Result<Picture> DecodePng(std::string_view bytes, std::int64_t max_pixels);
Result<Picture> DecodeJpeg(std::string_view bytes, std::int64_t max_pixels);
Result<Picture> DecodeWebp(std::string_view bytes, std::int64_t max_pixels);
Result<Picture> DecodeGif(std::string_view bytes, std::int64_t max_pixels);

/// A picture of this size, not filled. kInvalidArgument for no pixels and more than `max_pixels`,
/// kResourceExhausted when there is no memory.
Result<Picture> NewPicture(PictureSize size, std::int64_t max_pixels);

/// kInvalidArgument: what a library says of a damaged file.
Status DamagedPicture(std::string_view format, std::string_view why);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PICTURES_DECODERS_H_
