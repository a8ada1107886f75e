// SPDX-License-Identifier: BSD-3-Clause
//
// The checksum is part of file formats: its value may never change.
#include "engines/row_checksum.h"

#include <gtest/gtest.h>
#include <vector>

namespace embeddingsdb {
namespace {

RowFields Fields() {
  return {.provider = "p",
          .depiction_id = "d",
          .model = "m",
          .subject_id = "s",
          .created = 1,
          .lastmodified = 2,
          .attributes = "{}"};
}

TEST(RowChecksum, IsWhatTheFormatPageSays) {
  const std::vector<float> vector = {1, 2};
  // Made with xxhsum -H3 over the bytes that docs/formats.md describes.
  EXPECT_EQ(RowChecksum::OfVector(std::as_bytes(std::span(vector))), 0x7134f4b7U);
  EXPECT_EQ(RowChecksum::OfFields(Fields()), 0x35e3a042U);
}

TEST(RowChecksum, KnowsWhereOneFieldEndsAndTheNextBegins) {
  RowFields moved = Fields();
  moved.provider = "pd";
  moved.depiction_id = "";
  EXPECT_NE(RowChecksum::OfFields(moved), RowChecksum::OfFields(Fields()));
}

TEST(RowChecksum, HalvesComeBackFromThePackedNumber) {
  for (const RowChecksum checksum : {RowChecksum{0, 0}, RowChecksum{0xffffffff, 1},
                                     RowChecksum{1, 0xffffffff}, RowChecksum{0x80000000, 7}}) {
    const RowChecksum back = RowChecksum::Unpack(checksum.Pack());
    EXPECT_EQ(back.fields, checksum.fields);
    EXPECT_EQ(back.vector, checksum.vector);
  }
}

}  // namespace
}  // namespace embeddingsdb
