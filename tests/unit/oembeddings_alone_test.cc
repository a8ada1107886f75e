// SPDX-License-Identifier: BSD-3-Clause
//
// That this links is the test: the validator needs edb_core's objects and the standard library, and
// none of the libraries that edb_core links for other things (OpenSSL, utf8proc). So it can run in
// a browser.
#include <gtest/gtest.h>

#include "embeddingsdb/oembeddings.h"

namespace embeddingsdb {
namespace {

TEST(OEmbeddingsAlone, NeedsNoOtherLibrary) {
  EXPECT_FALSE(ValidateOEmbeddings("{}", {.uri_format = UriFormat::kError}).valid());
  EXPECT_FALSE(OEmbeddingsFromJson("[]").ok());
  EXPECT_FALSE(OEmbeddingsFromAttributes({}).ok());
  EXPECT_EQ(ToAttributes({}).size() + 1, kOEmbeddingsFields.size());
  EXPECT_FALSE(OEmbeddingsToJson({}).empty());
  EXPECT_FALSE(OEmbeddingsSchema().empty());
}

}  // namespace
}  // namespace embeddingsdb
