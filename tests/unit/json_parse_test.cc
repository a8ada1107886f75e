// SPDX-License-Identifier: BSD-3-Clause
#include <bit>
#include <cmath>
#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/json.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;

/// The message of the error that `json` gives as a record, or "OK".
std::string RecordError(std::string_view json) {
  const Result<Record> record = RecordFromJson(json);
  if (record.ok()) {
    return "OK";
  }
  EXPECT_EQ(record.status().code(), StatusCode::kInvalidArgument);
  return record.status().message();
}

TEST(RecordFromJson, ReadsEveryField) {
  const Result<Record> record = RecordFromJson(
      R"( {"attributes" : {"k":"v","\u00e9":"\n"}, "created": -5, "embeddings":[1, -2.5, 1e-3],)"
      R"( "model":"m", "subject_id":"s", "depiction_id":"d", "provider":"p"} )"
      "\n");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(*record, (Record{.key = {.provider = "p", .depiction_id = "d", .model = "m"},
                             .subject_id = "s",
                             .embedding = {1.0F, -2.5F, 0.001F},
                             .created = -5,
                             .attributes = {{"k", "v"}, {"\xc3\xa9", "\n"}}}));
}

TEST(RecordFromJson, TakesAbsentFieldsAndNullCollectionsAsEmpty) {
  EXPECT_EQ(*RecordFromJson("{}"), Record{});
  EXPECT_EQ(*RecordFromJson(R"({"embeddings":null,"attributes":null})"), Record{});
  EXPECT_EQ(*RecordFromJson(R"({"embeddings":[],"attributes":{}})"), Record{});
}

TEST(RecordFromJson, ReadsBackWhatWeWrite) {
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable on purpose
  Record record{.key = {.provider = "p-\"<", .depiction_id = "\xe2\x80\xa8", .model = "m"},
                .created = std::numeric_limits<std::int64_t>::max(),
                .attributes = {{"a", "\x7f\x01"}, {"b", ""}}};
  while (record.embedding.size() < 8192) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(value)) {
      record.embedding.push_back(value);
    }
  }
  const std::string json = RecordToJson(record);
  const Result<Record> back = RecordFromJson(json);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, record);
  EXPECT_EQ(RecordToJson(*back), json);
}

TEST(RecordFromJson, NamesUnknownAndRepeatedFields) {
  EXPECT_EQ(RecordError(R"({"providers":"x"})"), R"(field "providers" is unknown)");
  EXPECT_EQ(RecordError(R"({"Provider":"x"})"), R"(field "Provider" is unknown)");
  EXPECT_EQ(RecordError(R"({"model":"a","model":"a"})"), "field model is given twice");
  EXPECT_EQ(RecordError(R"({"attributes":{"k":"a","k":"b"}})"), R"(attributes has "k" twice)");
}

TEST(RecordFromJson, SaysWhichValueHasTheWrongType) {
  EXPECT_EQ(RecordError("[]"), "the record is an array, it must be an object");
  EXPECT_EQ(RecordError("null"), "the record is null, it must be an object");
  EXPECT_EQ(RecordError("3"), "the record is a number, it must be an object");
  EXPECT_EQ(RecordError(R"({"provider":3})"), "provider is a number, it must be a string");
  EXPECT_EQ(RecordError(R"({"provider":null})"), "provider is null, it must be a string");
  EXPECT_EQ(RecordError(R"({"model":["m"]})"), "model is an array, it must be a string");
  EXPECT_EQ(RecordError(R"({"embeddings":{"0":1}})"),
            "embeddings is an object, it must be an array of numbers");
  EXPECT_EQ(RecordError(R"({"embeddings":"1"})"),
            "embeddings is a string, it must be an array of numbers");
  EXPECT_EQ(RecordError(R"({"embeddings":[1,null]})"),
            "embeddings[1] is null, it must be a number");
  EXPECT_EQ(RecordError(R"({"embeddings":[1,"2"]})"),
            "embeddings[1] is a string, it must be a number");
  EXPECT_EQ(RecordError(R"({"embeddings":[[1]]})"),
            "embeddings[0] is an array, it must be a number");
  EXPECT_EQ(RecordError(R"({"attributes":{"k":true}})"),
            R"(attributes["k"] is a boolean, it must be a string)");
  EXPECT_EQ(RecordError(R"({"attributes":{"k":null}})"),
            R"(attributes["k"] is null, it must be a string)");
  EXPECT_EQ(RecordError(R"({"attributes":[]})"),
            "attributes is an array, it must be an object of strings");
}

TEST(RecordFromJson, TakesOnlyWholeSecondsOfInt64) {
  EXPECT_EQ(RecordFromJson(R"({"created":-9223372036854775808})")->created,
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(RecordFromJson(R"({"created":9223372036854775807})")->created,
            std::numeric_limits<std::int64_t>::max());
  EXPECT_THAT(RecordError(R"({"created":9223372036854775808})"), HasSubstr("over the limit"));
  EXPECT_THAT(RecordError(R"({"created":99999999999999999999})"), HasSubstr("whole number"));
  EXPECT_EQ(RecordError(R"({"created":1.0})"),
            R"(created is the number "1.0", it must be a whole number of seconds)");
  EXPECT_THAT(RecordError(R"({"created":1e3})"), HasSubstr("whole number"));
  EXPECT_THAT(RecordError(R"({"created":"1"})"), HasSubstr("created is a string"));
}

TEST(RecordFromJson, RejectsMalformedText) {
  for (const std::string_view json : {"",
                                      " ",
                                      "{",
                                      "}",
                                      R"({"model")",
                                      R"({"model":)",
                                      R"({"model":"m")",
                                      R"({"model":"m"}})",
                                      R"({"model":"m"} x)",
                                      R"({"model":"m"}{})",
                                      R"({"model":"m",})",
                                      R"({model:"m"})",
                                      R"({'model':'m'})",
                                      R"({"embeddings":[1,]})",
                                      R"({"embeddings":[01]})",
                                      R"({"embeddings":[.5]})",
                                      R"({"embeddings":[+1]})",
                                      R"({"embeddings":[1.]})",
                                      R"({"embeddings":[NaN]})",
                                      R"({"embeddings":[Infinity]})",
                                      R"({"embeddings":[0x1]})",
                                      "{\"model\":\"\xff\"}",
                                      "{\"model\":\"a\nb\"}",
                                      R"({"model":"\ud800"})",
                                      R"({"model":"\q"})",
                                      "{} // note"}) {
    EXPECT_THAT(RecordError(json), HasSubstr("JSON is malformed at byte")) << json;
  }
}

TEST(RecordFromJson, LooksBehindANul) {
  EXPECT_EQ(RecordError(std::string_view("{}\0{}", 5)), "JSON is malformed at byte 3, near a NUL");
}

TEST(RecordFromJson, StopsAtTheFirstLevelThatIsTooDeep) {
  EXPECT_EQ(RecordError(std::string(100'000, '[')), "the record is an array, it must be an object");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) {
    deep += R"({"attributes":)";
  }
  EXPECT_THAT(RecordError(deep), HasSubstr("it must be"));
}

TEST(RecordFromJson, LimitsTheSize) {
  std::string json = "{}";
  json.resize(kMaxJsonBytes, ' ');
  EXPECT_TRUE(RecordFromJson(json).ok());
  json.push_back(' ');
  EXPECT_EQ(RecordError(json), "JSON is 1048577 bytes long, the limit is 1048576");
}

TEST(FloatsFromJson, RoundsOnceFromTheDecimalText) {
  // 1 + 2^-24 + 2^-60: as a double it is the tie 1 + 2^-24, which goes down to 1.
  EXPECT_EQ(FloatsFromJson("[1.000000059604644775390625867]")->at(0), std::nextafter(1.0F, 2.0F));
  EXPECT_EQ(FloatsFromJson("[1.000000059604644775390625]")->at(0), 1.0F);
  EXPECT_EQ(FloatsFromJson("[16777217,16777219,9007199791611905]").value(),
            (std::vector<float>{16777216.0F, 16777220.0F, 9007200328482816.0F}));
  EXPECT_EQ(FloatsFromJson("[18446744073709551615,100000000000000000000]").value(),
            (std::vector<float>{18446744073709551616.0F, 1e20F}));
}

TEST(FloatsFromJson, KeepsTheSignOfZeroAndRoundsTinyNumbersToIt) {
  const std::vector<float> values = FloatsFromJson("[-0,-0.0,1e-46,-1e-400,8e-46,0]").value();
  EXPECT_TRUE(std::signbit(values[0]));
  EXPECT_TRUE(std::signbit(values[1]));
  EXPECT_EQ(values[2], 0.0F);
  EXPECT_EQ(values[3], 0.0F);
  EXPECT_TRUE(std::signbit(values[3]));
  EXPECT_EQ(values[4], std::numeric_limits<float>::denorm_min());
  EXPECT_FALSE(std::signbit(values[5]));
}

TEST(FloatsFromJson, RefusesWhatNoFloatCanHold) {
  EXPECT_EQ(FloatsFromJson("[3.4028235e38]")->at(0), std::numeric_limits<float>::max());
  EXPECT_EQ(FloatsFromJson("[0,3.5e38]").status().message(),
            R"(embeddings[1] is "3.5e38", which is not a finite 32-bit number)");
  EXPECT_EQ(FloatsFromJson("[1e400]").status().message(),
            R"(embeddings[0] is "1e400", which is not a finite 32-bit number)");
  EXPECT_FALSE(FloatsFromJson("[-1e39]").ok());
  EXPECT_FALSE(FloatsFromJson("null").ok());
  EXPECT_FALSE(FloatsFromJson("{}").ok());
  EXPECT_TRUE(FloatsFromJson("[]\n").value().empty());
  EXPECT_FALSE(FloatsFromJson("[1] [2]").ok());
}

TEST(AttributesFromJson, ReadsAnObjectOfStrings) {
  EXPECT_EQ(AttributesFromJson(R"({"a":"1","":"2"})").value(), (Attributes{{"a", "1"}, {"", "2"}}));
  EXPECT_EQ(AttributesFromJson(R"({"b":"\u00e9\n","a":"2"})").value(),
            (Attributes{{"a", "2"}, {"b", "\xc3\xa9\n"}}));
  EXPECT_TRUE(AttributesFromJson("null").value().empty());
  EXPECT_TRUE(AttributesFromJson("{}").value().empty());
  EXPECT_FALSE(AttributesFromJson(R"({"a":"1","a":"2"})").ok());
  EXPECT_FALSE(AttributesFromJson(R"({"a":"1"}{})").ok());
  EXPECT_FALSE(AttributesFromJson(R"({"a":["1"]})").ok());
  EXPECT_EQ(AttributesFromJson(R"({"a":1})").status().message(),
            R"(attributes["a"] is a number, it must be a string)");
  EXPECT_EQ(AttributesFromJson(R"({"a":{}})").status().message(),
            R"(attributes["a"] is an object, it must be a string)");
  EXPECT_FALSE(AttributesFromJson("[]").ok());
  EXPECT_FALSE(AttributesFromJson(R"("a")").ok());
}

}  // namespace
}  // namespace embeddingsdb
