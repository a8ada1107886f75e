// SPDX-License-Identifier: BSD-3-Clause
//
// How cameras say that a picture lies on its side: Exif 3.0 (CIPA DC-008), tag Orientation.
#ifndef EMBEDDINGSDB_PICTURES_ORIENTATION_H_
#define EMBEDDINGSDB_PICTURES_ORIENTATION_H_

#include <string_view>

#include "embeddingsdb/status.h"

#include "pictures/picture.h"

namespace embeddingsdb {

inline constexpr int kUpright = 1;

/// What the Exif segment of a JPEG file says, 1 to 8; kUpright without one, and for anything that
/// is not as it should be: a picture is worth more than what is said of it.
int OrientationOfJpeg(std::string_view bytes);

/// The picture as it is to be seen. kResourceExhausted when there is no memory for a second one.
Result<Picture> TurnUpright(Picture picture, int orientation);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PICTURES_ORIENTATION_H_
