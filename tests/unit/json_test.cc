// SPDX-License-Identifier: BSD-3-Clause
#include "core/json.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace embeddingsdb {
namespace {

using namespace std::string_literals;

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

TEST(JsonString, EscapesWhatGoEscapes) {
  EXPECT_EQ(JsonString(""), R"("")");
  EXPECT_EQ(JsonString("plain / text ~"), R"("plain / text ~")");
  EXPECT_EQ(JsonString("\"\\"), R"("\"\\")");
  EXPECT_EQ(JsonString("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(JsonString("\0\x01\x0b\x1f"s), R"("\u0000\u0001\u000b\u001f")");
  EXPECT_EQ(JsonString("<a href='x'>&</a>"), R"("\u003ca href='x'\u003e\u0026\u003c/a\u003e")");
}

TEST(JsonString, LeavesDelAndOtherScriptsAlone) {
  EXPECT_EQ(JsonString("\x7f"), "\"\x7f\"");
  EXPECT_EQ(JsonString("caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x96\xbc"),
            "\"caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x96\xbc\"");
  EXPECT_EQ(JsonString("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"");  // a real U+FFFD is not escaped
}

TEST(JsonString, EscapesTheLineSeparatorsOfJavaScript) {
  EXPECT_EQ(JsonString("a\xe2\x80\xa8"
                       "b\xe2\x80\xa9"),
            R"("a\u2028b\u2029")");
}

TEST(JsonString, ReplacesEachInvalidByte) {
  EXPECT_EQ(JsonString("a\xff"
                       "b"),
            R"("a\ufffdb")");
  EXPECT_EQ(JsonString("\xe2\x82"), R"("\ufffd\ufffd")");
  EXPECT_EQ(JsonString("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");
}

Record Sample() {
  return {.key = {.provider = "sfomuseum", .depiction_id = "1527858083", .model = "apple/s0"},
          .subject_id = "1511908311",
          .embedding = {0.1F, -0.0F, 1.0F, 1e-7F, 16777216.0F},
          .created = 1774900000,
          .attributes = {{"title", "Caf\xc3\xa9 <b>"}, {"Zebra", "1"}, {"a b", ""}}};
}

TEST(RecordJson, HasTheFieldsInOrder) {
  EXPECT_EQ(RecordToJson(Sample()),
            R"({"provider":"sfomuseum","depiction_id":"1527858083","subject_id":"1511908311",)"
            R"("model":"apple/s0","embeddings":[0.1,-0,1,1e-7,16777216],"created":1774900000,)"
            "\"attributes\":{\"Zebra\":\"1\",\"a b\":\"\","
            "\"title\":\"Caf\xc3\xa9 \\u003cb\\u003e\"}}");
}

TEST(RecordJson, PrintsEmptyCollectionsAsAsked) {
  EXPECT_EQ(RecordToJson(Record{}),
            R"({"provider":"","depiction_id":"","subject_id":"","model":"","embeddings":null,)"
            R"("created":0,"attributes":null})");
  EXPECT_EQ(RecordToJson(Record{}, EmptyAs::kEmpty),
            R"({"provider":"","depiction_id":"","subject_id":"","model":"","embeddings":[],)"
            R"("created":0,"attributes":{}})");
}

TEST(RecordJson, PrintsTheWholeRangeOfTimes) {
  Record record;
  record.created = std::numeric_limits<std::int64_t>::min();
  EXPECT_NE(RecordToJson(record).find("\"created\":-9223372036854775808,"), std::string::npos);
}

TEST(RecordJson, NeverWritesWhatIsNoJson) {
  Record record;
  record.embedding = {std::numeric_limits<float>::infinity(), 1.0F};
  EXPECT_NE(RecordToJson(record).find("\"embeddings\":[null,1]"), std::string::npos);
}

TEST(SimilarRecordJson, CallsTheDistanceSimilarityAndHasNoModel) {
  const SimilarRecord record{.key = {.provider = "p", .depiction_id = "d", .model = "m"},
                             .subject_id = "s",
                             .distance = 0.33333334F,
                             .attributes = {{"k", "v"}}};
  EXPECT_EQ(SimilarRecordToJson(record),
            R"({"provider":"p","depiction_id":"d","subject_id":"s","similarity":0.33333334,)"
            R"("attributes":{"k":"v"}})");
  EXPECT_EQ(SimilarRecordToJson({.key = {.provider = "p", .depiction_id = "d", .model = "m"}}),
            R"({"provider":"p","depiction_id":"d","subject_id":"","similarity":0,)"
            R"("attributes":null})");
}

TEST(ListJson, PrintsStringsFloatsAndIntegers) {
  EXPECT_EQ(StringsToJson(std::vector<std::string>{"a", "b&c"}), R"(["a","b\u0026c"])");
  EXPECT_EQ(StringsToJson({}), "null");
  EXPECT_EQ(StringsToJson({}, EmptyAs::kEmpty), "[]");
  EXPECT_EQ(FloatsToJson(std::vector<float>{1.5F, 1e21F}), "[1.5,1e+21]");
  EXPECT_EQ(FloatsToJson({}), "[]");
  EXPECT_EQ(IntsToJson(std::vector<int>{512, -1}), "[512,-1]");
  EXPECT_EQ(IntsToJson({}), "[]");
}

TEST(AttributesJson, SortsKeysByTheirBytes) {
  EXPECT_EQ(AttributesToJson({{"b", "2"}, {"B", "1"}, {"\xc3\xa9", "4"}, {"~", "3"}}),
            "{\"B\":\"1\",\"b\":\"2\",\"~\":\"3\",\"\xc3\xa9\":\"4\"}");
  EXPECT_EQ(AttributesToJson({}), "{}");
}

}  // namespace
}  // namespace embeddingsdb
