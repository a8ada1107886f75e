// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/record.h"

#include <cstddef>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"

namespace embeddingsdb {
namespace {

using namespace std::string_literals;

Record Good() {
  return {.key = {.provider = "p", .depiction_id = "d", .model = "m"}, .embedding = {1.0F}};
}

/// The error a record gives, or "OK"; every error is of one kind.
std::string Error(const Record& record) {
  const Status status = Validate(record);
  if (status.ok()) {
    return "OK";
  }
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  return status.message();
}

struct NameCase {
  std::string value;
  std::string error;  // after the name of the field
};

/// What holds for every part of a key.
std::vector<NameCase> NameCases(std::size_t limit) {
  const std::string at(limit, 'x');
  const std::string accented = std::string(limit - 2, 'x') + "\xc3\xa9";
  const std::string over = std::to_string(limit + 1);
  const std::string too_long = " is " + over + " bytes long, the limit is " + std::to_string(limit);
  return {
      {"x", "OK"},
      {"a-b/c?d%20 e'\"\\;--", "OK"},
      {"caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x96\xbc", "OK"},
      {"e\xcc\x81", "OK"},
      {at.substr(1), "OK"},
      {at, "OK"},
      {accented, "OK"},
      {at + "x", too_long},
      {"x" + accented, too_long},  // the limit counts bytes, not characters
      {"a\x01"
       "b",
       R"( "a\x01b" holds a control character)"},
      {"\n", R"( "\n" holds a control character)"},
      {"a\x7f", R"( "a\x7f" holds a control character)"},
      {"a\0b"s, R"( "a\x00b" holds a control character)"},
      {"a\xff", R"( "a\xff" is not valid UTF-8)"},
      {"\xed\xa0\x80", R"( "\xed\xa0\x80" is not valid UTF-8)"},
      {"\xc0\xaf", R"( "\xc0\xaf" is not valid UTF-8)"},
  };
}

template <typename Set>
void CheckNames(const std::string& field, std::size_t limit, const std::string& when_empty,
                const Set& set) {
  std::vector<NameCase> cases = NameCases(limit);
  cases.push_back({"", when_empty});
  for (const NameCase& expected : cases) {
    Record record = Good();
    set(record, expected.value);
    EXPECT_EQ(Error(record), expected.error == "OK" ? "OK" : field + expected.error);
  }
}

TEST(RecordValidate, HoldsProvidersToTheRule) {
  CheckNames("provider", kMaxProviderBytes, " is empty",
             [](Record& record, const std::string& value) { record.key.provider = value; });
}

TEST(RecordValidate, HoldsDepictionIdsToTheRule) {
  CheckNames("depiction_id", kMaxDepictionIdBytes, " is empty",
             [](Record& record, const std::string& value) { record.key.depiction_id = value; });
}

TEST(RecordValidate, HoldsModelsToTheRule) {
  CheckNames("model", kMaxModelBytes, " is empty",
             [](Record& record, const std::string& value) { record.key.model = value; });
}

TEST(RecordValidate, HoldsSubjectsToTheRuleButAllowsNone) {
  CheckNames("subject_id", kMaxSubjectIdBytes, "OK",
             [](Record& record, const std::string& value) { record.subject_id = value; });
}

TEST(RecordValidate, HoldsAttributeNamesToTheRule) {
  CheckNames("attribute name", kMaxAttributeKeyBytes, " is empty",
             [](Record& record, const std::string& value) { record.attributes[value] = "v"; });
}

TEST(RecordValidate, TakesVectorsUpToTheLimit) {
  Record record = Good();
  record.embedding.clear();
  EXPECT_EQ(Error(record), "embeddings is empty");
  for (const std::size_t size : {1U, 8'191U, 8'192U}) {
    record.embedding.assign(size, 0.5F);
    EXPECT_EQ(Error(record), "OK");
  }
  record.embedding.assign(8'193, 0.5F);
  EXPECT_EQ(Error(record), "embeddings has 8193 elements, the limit is 8192");
}

TEST(RecordValidate, TakesEveryFiniteNumber) {
  using Limits = std::numeric_limits<float>;
  Record record = Good();
  record.embedding = {0.0F, -0.0F, Limits::denorm_min(), Limits::max(), Limits::lowest()};
  EXPECT_EQ(Error(record), "OK");
}

TEST(RecordValidate, RejectsNanAndInfinityAndNamesTheElement) {
  using Limits = std::numeric_limits<float>;
  Record record = Good();
  record.embedding = {1, 2, 3, Limits::quiet_NaN(), Limits::infinity()};
  EXPECT_EQ(Error(record), "embeddings[3] is NaN, which is not a finite number");
  record.embedding = {Limits::infinity()};
  EXPECT_EQ(Error(record), "embeddings[0] is +Inf, which is not a finite number");
  record.embedding = {0, -Limits::infinity()};
  EXPECT_EQ(Error(record), "embeddings[1] is -Inf, which is not a finite number");
  record.embedding = {-Limits::signaling_NaN()};
  EXPECT_EQ(Error(record), "embeddings[0] is NaN, which is not a finite number");
}

TEST(RecordValidate, UsesTheNameItIsGivenForAVector) {
  EXPECT_EQ(ValidateEmbedding({}, "query").message(), "query is empty");
}

TEST(RecordValidate, TakesAttributeValuesWithControlCharactersButNoNul) {
  Record record = Good();
  record.attributes = {{"x", "two\nlines\t\x7f"}, {"y", ""}};
  EXPECT_EQ(Error(record), "OK");
  record.attributes = {{"x", "a\0b"s}};
  EXPECT_EQ(Error(record), R"(attributes["x"] "a\x00b" holds a NUL character)");
  record.attributes = {{"x", "\xc3"}};
  EXPECT_EQ(Error(record), R"(attributes["x"] "\xc3" is not valid UTF-8)");
}

TEST(RecordValidate, LimitsOneAttributeValue) {
  Record record = Good();
  for (const std::size_t size : {kMaxAttributeValueBytes - 1, kMaxAttributeValueBytes}) {
    record.attributes["x"] = std::string(size, 'v');
    EXPECT_EQ(Error(record), "OK");
  }
  record.attributes["x"] = std::string(kMaxAttributeValueBytes + 1, 'v');
  EXPECT_EQ(Error(record), R"(attributes["x"] is 24577 bytes long, the limit is 24576)");
}

TEST(RecordValidate, LimitsTheNumberOfAttributes) {
  Record record = Good();
  while (record.attributes.size() < kMaxAttributes) {
    record.attributes[std::to_string(record.attributes.size())] = "v";
  }
  EXPECT_EQ(Error(record), "OK");
  record.attributes["one more"] = "v";
  EXPECT_EQ(Error(record), "attributes has 41 entries, the limit is 40");
}

TEST(RecordValidate, LimitsTheBytesOfAllAttributes) {
  Record record = Good();
  record.attributes["a"] = std::string(16'000, 'v');
  record.attributes["b"] = std::string(kMaxAttributesBytes - 16'000 - 2, 'v');
  EXPECT_EQ(Error(record), "OK");
  record.attributes["b"] += 'v';
  EXPECT_EQ(Error(record), "attributes in all is 32769 bytes long, the limit is 32768");
}

TEST(RecordValidate, TakesAnyTime) {
  Record record = Good();
  record.created = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Error(record), "OK");
}

TEST(Key, IsOrderedByProviderThenDepictionThenModel) {
  const Key base{.provider = "b", .depiction_id = "b", .model = "b"};
  EXPECT_LT((Key{.provider = "a", .depiction_id = "z", .model = "z"}), base);
  EXPECT_LT((Key{.provider = "b", .depiction_id = "a", .model = "z"}), base);
  EXPECT_LT((Key{.provider = "b", .depiction_id = "b", .model = "a"}), base);
  EXPECT_LT(base, (Key{.provider = "\xc3\xa9", .depiction_id = "", .model = ""}));  // bytewise
}

TEST(Key, IsJoinedWithDashesForPeople) {
  EXPECT_EQ(DisplayKey({.provider = "a-b", .depiction_id = "c", .model = "d"}), "a-b-c-d");
}

}  // namespace
}  // namespace embeddingsdb
