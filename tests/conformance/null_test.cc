// SPDX-License-Identifier: BSD-3-Clause
//
// null:// takes everything and keeps nothing, but checks its input like any other engine.
#include "support/records.h"
#include "support/test_context.h"

namespace embeddingsdb {
namespace {

TEST(NullDatabase, AcceptsAndForgets) {
  TestContext test;
  const Result<std::unique_ptr<Database>> db = test.Open("null://");
  ASSERT_OK(db);
  EXPECT_EQ((*db)->Add(MakeRecord("p", "d", "m", {1}))->added, 1);
  EXPECT_FAILS((*db)->Get({"p", "d", "m"}), kNotFound, "Not found");
  EXPECT_EQ(*(*db)->Count({}), 0);
  EXPECT_EQ(*(*db)->LastUpdate(), 0);
  EXPECT_TRUE((*db)->Similar({.model = "m", .embedding = {1}})->empty());
  EXPECT_TRUE(ScanAll(**db)->empty());
  EXPECT_EQ((*db)->List({})->pages, 0);
  EXPECT_OK((*db)->Export("/nowhere"));
}

TEST(NullDatabase, StillRefusesBadInput) {
  TestContext test;
  const Result<std::unique_ptr<Database>> db = test.Open("null://");
  ASSERT_OK(db);
  EXPECT_FAILS((*db)->Add(MakeRecord("p", "d", "m", {})), kInvalidArgument, "embeddings");
  EXPECT_FAILS((*db)->Similar({.model = "", .embedding = {1}}), kInvalidArgument, "model");
}

TEST(Registry, UnknownSchemesNameTheKnownOnes) {
  TestContext test;
  EXPECT_FAILS(test.Open("oracle://x"), kInvalidArgument, "sqlite://");
  EXPECT_FAILS(test.Open("no uri"), kInvalidArgument, "");
}

TEST(Registry, SchemesAreMatchedWithoutCase) {
  TestContext test;
  EXPECT_OK(test.Open("NULL://"));
}

}  // namespace
}  // namespace embeddingsdb
