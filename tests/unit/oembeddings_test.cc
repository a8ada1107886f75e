// SPDX-License-Identifier: BSD-3-Clause
#include "embeddingsdb/oembeddings.h"

#include <cstddef>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

OEmbeddings Good() {
  return {.type = "image",
          .preview = "https://example.org/thumbnails/1.jpg",
          .depiction_url = "https://example.org/images/1",
          .subject_url = "https://example.org/objects/2",
          .subject_title = "Red Fishes",
          .subject_creditline = "Gift of an Example",
          .provider_name = "Example Museum",
          .provider_url = "https://example.org/"};
}

/// A document as the JSON texts of its fields, so that a test can put anything in their place.
using Fields = std::map<std::string, std::string>;

Fields GoodFields() {
  Fields fields;
  for (const auto& [name, text] : ToAttributes(Good())) {
    AppendJsonString(fields[name], text);
  }
  return fields;
}

std::string JsonOf(const Fields& fields) {
  std::string json = "{";
  for (const auto& [name, value] : fields) {
    json += json.size() > 1 ? "," : "";
    AppendJsonString(json, name);
    json += ":" + value;
  }
  return json + "}";
}

std::string GoodWith(const std::string& name, const std::string& value) {
  Fields fields = GoodFields();
  fields[name] = value;
  return JsonOf(fields);
}

std::string GoodWithout(const std::string& name) {
  Fields fields = GoodFields();
  fields.erase(name);
  return JsonOf(fields);
}

/// "rule: message" of every problem, warnings in brackets.
std::vector<std::string> Problems(const OEmbeddingsReport& report) {
  std::vector<std::string> problems;
  for (const OEmbeddingsProblem& problem : report.problems) {
    const std::string text =
        std::string(OEmbeddingsRuleName(problem.rule)) + ": " + problem.message;
    problems.push_back(problem.severity == Severity::kError ? text : "[" + text + "]");
  }
  return problems;
}
std::vector<std::string> Problems(std::string_view json, UriFormat uri_format = UriFormat::kWarn) {
  return Problems(ValidateOEmbeddings(json, {.uri_format = uri_format}));
}

TEST(OEmbeddings, AGoodDocumentHasNoProblems) {
  const OEmbeddingsReport report = ValidateOEmbeddings(OEmbeddingsToJson(Good()));
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_TRUE(report.valid());
  EXPECT_FALSE(report.has_warnings());
  EXPECT_TRUE(report.ToStatus().ok());
  EXPECT_THAT(report.presence, ::testing::Each(OEmbeddingsPresence::kGiven));
}

// What go-embeddingsdb's own examples have in them.
TEST(OEmbeddings, EveryKindOfDocumentThatIsInUseIsValid) {
  EXPECT_THAT(Problems(GoodWith("type", R"("text")")), IsEmpty());
  Fields text = GoodFields();
  text["type"] = R"("text")";
  text["preview"] = R"("Red fishes, seen from above.\nThree of them.")";
  EXPECT_THAT(Problems(JsonOf(text)), IsEmpty());
  EXPECT_THAT(Problems(GoodWithout("depiction_url")), IsEmpty());
  EXPECT_THAT(Problems(GoodWith("subject_url", R"("x-sfomuseum:object:1762905433")")), IsEmpty());
  EXPECT_THAT(Problems(GoodWith("subject_title", R"("")")), IsEmpty());
  EXPECT_THAT(Problems(GoodWith("subject_creditline", R"("")")), IsEmpty());
  EXPECT_THAT(Problems(GoodWith("preview", R"("data:image/png;base64,iVBORw0KGgo=")")), IsEmpty());
  for (const char* const value : {"1", "null", "[]", R"({"type":{"type":[1,{"x":"y"}]}})"}) {
    EXPECT_THAT(Problems(GoodWith("another", value)), IsEmpty()) << value;
  }
  EXPECT_THAT(Problems("\n\t " + OEmbeddingsToJson(Good()) + "\r\n"), IsEmpty());
}

TEST(OEmbeddings, EveryRequiredFieldIsMissed) {
  for (const OEmbeddingsField& field : kOEmbeddingsFields) {
    const std::string name(field.name);
    const OEmbeddingsReport report = ValidateOEmbeddings(GoodWithout(name));
    EXPECT_EQ(report.valid(), !field.required) << name;
    if (field.required) {
      EXPECT_THAT(Problems(report), ElementsAre("required: " + name + " is missing"));
      EXPECT_EQ(report.problems[0].field, name);
    }
    EXPECT_EQ(report.presence.at(static_cast<std::size_t>(&field - kOEmbeddingsFields.data())),
              OEmbeddingsPresence::kMissing);
  }
}

TEST(OEmbeddings, EveryFieldIsAString) {
  const std::map<std::string, std::string> others = {
      {"1", "a number"},   {"-1", "a number"},      {"1.5e3", "a number"},
      {"null", "null"},    {"false", "a boolean"},  {"[]", "an array"},
      {"{}", "an object"}, {"[\"x\"]", "an array"}, {R"({"a":"b"})", "an object"}};
  for (const OEmbeddingsField& field : kOEmbeddingsFields) {
    const std::string name(field.name);
    for (const auto& [json, kind] : others) {
      EXPECT_THAT(Problems(GoodWith(name, json)),
                  ElementsAre(Concat("string: ", name, " is ", kind, ", it must be a string")));
    }
  }
}

TEST(OEmbeddings, OnlyTwoFieldsMayBeEmpty) {
  for (const OEmbeddingsField& field : kOEmbeddingsFields) {
    const std::string name(field.name);
    const OEmbeddingsReport report = ValidateOEmbeddings(GoodWith(name, "\"\""));
    if (name == "subject_title" || name == "subject_creditline") {
      EXPECT_THAT(Problems(report), IsEmpty()) << name;
    } else {
      EXPECT_THAT(Problems(report), ElementsAre("not-empty: " + name +
                                                " is empty, it must have at least 1 character"));
    }
    EXPECT_EQ(report.presence.at(static_cast<std::size_t>(&field - kOEmbeddingsFields.data())),
              OEmbeddingsPresence::kEmpty);
    EXPECT_TRUE(field.name == "type" || Problems(GoodWith(name, "\"x:\"")).empty()) << name;
  }
}

TEST(OEmbeddings, TypeIsOneOfTwoWordsByteByByte) {
  for (const char* const type : {"Image", "image ", "images", "video", "\xC3\xAF"}) {
    std::string json;
    AppendJsonString(json, type);
    EXPECT_THAT(Problems(GoodWith("type", json)),
                ElementsAre("type: type is \"" + std::string(type) +
                            "\", it must be \"image\" or \"text\""));
  }
}

TEST(OEmbeddings, UrisAreLookedAtAsTheOptionsSay) {
  const std::string fault = " \"a b\" is no URI: it has no scheme, as in https://example.org/";
  for (const OEmbeddingsField& field : kOEmbeddingsFields) {
    if (field.name == "type") {
      continue;
    }
    const std::string name(field.name);
    const std::string json = GoodWith(name, "\"a b\"");
    EXPECT_THAT(Problems(json, UriFormat::kIgnore), IsEmpty());
    if (field.uri == OEmbeddingsUri::kNo) {
      EXPECT_THAT(Problems(json, UriFormat::kError), IsEmpty());
      continue;
    }
    EXPECT_THAT(Problems(json), ElementsAre(Concat("[uri: ", name, fault, "]")));
    EXPECT_TRUE(ValidateOEmbeddings(json).valid());
    EXPECT_TRUE(ValidateOEmbeddings(json).has_warnings());
    EXPECT_THAT(Problems(json, UriFormat::kError), ElementsAre(Concat("uri: ", name, fault)));
    EXPECT_FALSE(ValidateOEmbeddings(json, {.uri_format = UriFormat::kError}).valid());
  }
}

TEST(OEmbeddings, AllThatIsWrongIsTold) {
  EXPECT_THAT(Problems(R"({"type":"picture","preview":7,"depiction_url":"","subject_url":"x y",)"
                       R"("subject_title":null,"subject_credit":"c","providername":"n"})"),
              ElementsAre(R"(type: type is "picture", it must be "image" or "text")",
                          "string: preview is a number, it must be a string",
                          "not-empty: depiction_url is empty, it must have at least 1 character",
                          R"([uri: subject_url "x y" is no URI: it has no scheme, as in )"
                          "https://example.org/]",
                          "string: subject_title is null, it must be a string",
                          R"(required: subject_creditline is missing (is it "subject_credit"?))",
                          R"(required: provider_name is missing (is it "providername"?))",
                          "required: provider_url is missing"));
  EXPECT_EQ(ValidateOEmbeddings("{}").problems.size(), 7U);
  // What stands within other fields is no misspelling of the document's.
  EXPECT_EQ(ValidateOEmbeddings(R"({"a":{"previw":"x"}})").problems,
            ValidateOEmbeddings("{}").problems);
  EXPECT_EQ(ValidateOEmbeddings(R"({"type":1})").ToStatus().message().substr(0, 60),
            "type is a number, it must be a string; preview is missing; s");
}

TEST(OEmbeddings, AProblemAsJson) {
  const OEmbeddingsProblem problem{.rule = OEmbeddingsRule::kType,
                                   .severity = Severity::kError,
                                   .field = "type",
                                   .message = "type is \"x\""};
  EXPECT_EQ(ToJson(problem),
            R"({"severity":"error","rule":"type","field":"type","message":"type is \"x\""})");
  EXPECT_EQ(ToJson({.rule = OEmbeddingsRule::kOnce, .severity = Severity::kWarning}),
            R"({"severity":"warning","rule":"once","field":"","message":""})");
}

TEST(OEmbeddings, WhatNoRecordCanHoldIsAWarning) {
  const std::string most(kMaxAttributeValueBytes, 'x');
  EXPECT_THAT(Problems(GoodWith("subject_title", "\"" + most + "\"")), IsEmpty());
  EXPECT_THAT(Problems(GoodWith("subject_title", "\"" + most + "x\"")),
              ElementsAre("[storable: no record can hold this subject_title: attributes["
                          "\"subject_title\"] is 24577 bytes long, the limit is 24576]"));
  EXPECT_THAT(Problems(GoodWith("provider_name", R"("a\u0000b")")),
              ElementsAre(HasSubstr("[storable: no record can hold this provider_name: ")));
}

TEST(OEmbeddings, TheWholeIsAnObject) {
  EXPECT_THAT(Problems("[]"),
              ElementsAre("object: the document is an array, it must be an object"));
  EXPECT_THAT(Problems("null"), ElementsAre("object: the document is null, it must be an object"));
  EXPECT_THAT(Problems("\"{}\""), ElementsAre(HasSubstr("is a string, it must be an object")));
  EXPECT_THAT(Problems("12"), ElementsAre(HasSubstr("is a number, it must be an object")));
  // Fields of objects within are not the document's.
  EXPECT_THAT(Problems("[" + OEmbeddingsToJson(Good()) + "]"), ElementsAre(HasSubstr("an array")));
  EXPECT_EQ(ValidateOEmbeddings(R"({"a":)" + OEmbeddingsToJson(Good()) + "}").problems.size(), 7U);
  EXPECT_THAT(ValidateOEmbeddings("[]").presence, ::testing::Each(OEmbeddingsPresence::kUnknown));
}

TEST(OEmbeddings, MalformedTextGivesOneProblem) {
  const std::string good = OEmbeddingsToJson(Good());
  const std::string cut = good.substr(0, good.size() - 1);
  for (const std::string& json : {std::string(),
                                  std::string(" \n"),
                                  std::string("{"),
                                  std::string("nul"),
                                  cut,
                                  cut + ",}",
                                  good + good,
                                  good + "x",
                                  good + "]",
                                  cut + R"(,"a":01})",
                                  cut + R"(,"a":"\x"})",
                                  cut + R"(,"a":"\u12"})",
                                  cut + ",\"a\":\"\t\"}",
                                  cut + R"(,"a":1e400})",
                                  cut + R"(,"a":NaN})",
                                  cut + R"(,'a':1})",
                                  cut + "/**/}",
                                  "\xEF\xBB\xBF" + good,
                                  good + '\0',
                                  cut + ",\"a\":\"" + '\0' + "\"}",
                                  "\xFF" + good,
                                  good + "\\ud800",
                                  std::string(100'000, '['),
                                  std::string(100'000, '{')}) {
    const OEmbeddingsReport report = ValidateOEmbeddings(json);
    ASSERT_EQ(report.problems.size(), 1U) << json;
    EXPECT_EQ(report.problems[0].rule, OEmbeddingsRule::kJson);
    EXPECT_THAT(report.problems[0].message, ::testing::StartsWith("JSON "));
    EXPECT_LT(report.problems[0].message.size(), 300U);
    EXPECT_FALSE(report.valid());
    EXPECT_FALSE(OEmbeddingsFromJson(json).ok());
  }
}

TEST(OEmbeddings, LimitsAreThoseOfAllJson) {
  const auto nested = [](int levels) {
    return GoodWith("a", std::string(static_cast<std::size_t>(levels), '[') +
                             std::string(static_cast<std::size_t>(levels), ']'));
  };
  EXPECT_THAT(Problems(nested(kMaxJsonDepth - 1)), IsEmpty());
  EXPECT_THAT(Problems(nested(kMaxJsonDepth)),
              ElementsAre("json: JSON is nested deeper than the limit of 32 levels"));
  std::string json = OEmbeddingsToJson(Good());
  json.resize(kMaxJsonBytes, ' ');
  EXPECT_THAT(Problems(json), IsEmpty());
  EXPECT_THAT(Problems(json + " "),
              ElementsAre("json: JSON is longer than the limit of 1048576 bytes"));
}

// Go's encoding/json takes these, so the seed accepts them.
TEST(OEmbeddings, WhatGoMendsIsMendedAndTold) {
  const std::string mended =
      "[unicode: JSON holds bytes that are not UTF-8, or half of a surrogate pair; each is taken "
      "as U+FFFD]";
  const std::map<std::string, std::string> texts = {
      {"\"a\xFF\xC3z\"", "a\xEF\xBF\xBD\xEF\xBF\xBDz"},
      {R"("\ud83d")", "\xEF\xBF\xBD"},
      {R"("\ude00\ud83d")", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"("\uD83D\uD83D\uDE00")", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
      {R"("\ud83d\u0041")", "\xEF\xBF\xBD\x41"},
      {R"("\ud83d\ue000")", "\xEF\xBF\xBD\xEE\x80\x80"},
      {R"("\udc00\udc00")", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"("\ud83d\n")", "\xEF\xBF\xBD\n"},
      {"\"\xFF\\ud83d\"", "\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (const auto& [json, text] : texts) {
    const std::string document = GoodWith("subject_title", json);
    EXPECT_THAT(Problems(document), ElementsAre(mended)) << json;
    const Result<OEmbeddings> read = OEmbeddingsFromJson(document);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->subject_title, text) << json;
  }
  // These are whole, and no escapes.
  for (const char* const json : {R"("\ud83d\ude00")", R"("\ud800\udc00\uDBFF\uDFFF")",
                                 R"("\ud7ff\ue000")", R"("\\ud83d")", R"("\\\\ud83d")"}) {
    EXPECT_THAT(Problems(GoodWith("subject_title", json)), IsEmpty()) << json;
  }
}

TEST(OEmbeddings, OfAFieldThatIsGivenTwiceTheLastCounts) {
  const std::string good = OEmbeddingsToJson(Good());
  const std::string head = good.substr(0, good.size() - 1);
  const std::string told = "[once: type is given more than once, the last one counts]";
  EXPECT_THAT(Problems(head + R"(,"type":"text"})"), ElementsAre(told));
  EXPECT_THAT(Problems("{\"type\":[1]," + good.substr(1)), ElementsAre(told));
  EXPECT_THAT(Problems(head + R"(,"type":[{"type":"text"}],"type":"text"})"), ElementsAre(told));
  EXPECT_THAT(Problems(head + R"(,"type":3})"),
              ElementsAre(told, "string: type is a number, it must be a string"));
  EXPECT_EQ(OEmbeddingsFromJson(head + R"(,"type":"text"})")->type, "text");
}

TEST(OEmbeddings, AttributesObeyTheSameRules) {
  Attributes attributes = ToAttributes(Good());
  EXPECT_THAT(Problems(ValidateOEmbeddings(attributes)), IsEmpty());
  attributes["width"] = "1280";
  attributes.erase("depiction_url");
  EXPECT_THAT(Problems(ValidateOEmbeddings(attributes)), IsEmpty());
  attributes["type"] = "video";
  attributes["subject_url"] = "/a";
  attributes["depiction_url"] = "";
  attributes.erase("preview");
  attributes["previw"] = "x";
  EXPECT_THAT(Problems(ValidateOEmbeddings(attributes)),
              ElementsAre(R"(type: type is "video", it must be "image" or "text")",
                          R"(required: preview is missing (is it "previw"?))",
                          "not-empty: depiction_url is empty, it must have at least 1 character",
                          HasSubstr(R"([uri: subject_url "/a" is no URI)")));
  EXPECT_EQ(ValidateOEmbeddings(Attributes()).problems.size(), 7U);
  EXPECT_EQ(OEmbeddingsFromAttributes({}).status().code(), StatusCode::kInvalidArgument);
}

TEST(OEmbeddings, GoThereAndBack) {
  OEmbeddings one = Good();
  EXPECT_EQ(OEmbeddingsFromAttributes(ToAttributes(one)).value(), one);
  EXPECT_EQ(OEmbeddingsFromJson(OEmbeddingsToJson(one)).value(), one);
  one.depiction_url.clear();
  one.subject_title = "\xE9\xAD\x9A \"<&>\"\n";
  one.subject_creditline.clear();
  EXPECT_EQ(ToAttributes(one).size(), 7U);
  EXPECT_EQ(OEmbeddingsFromAttributes(ToAttributes(one)).value(), one);
  EXPECT_EQ(OEmbeddingsFromJson(OEmbeddingsToJson(one)).value(), one);
  Attributes more = ToAttributes(one);
  more["width"] = "1";
  EXPECT_EQ(OEmbeddingsFromAttributes(more).value(), one);
}

TEST(OEmbeddings, JsonIsThatOfGo) {
  OEmbeddings one = Good();
  one.subject_title = "A & B";
  EXPECT_EQ(OEmbeddingsToJson(one),
            R"({"type":"image","preview":"https://example.org/thumbnails/1.jpg",)"
            R"("depiction_url":"https://example.org/images/1",)"
            R"("subject_url":"https://example.org/objects/2","subject_title":"A \u0026 B",)"
            R"("subject_creditline":"Gift of an Example","provider_name":"Example Museum",)"
            R"("provider_url":"https://example.org/"})");
  EXPECT_EQ(OEmbeddingsToJson({}),
            R"({"type":"","preview":"","subject_url":"","subject_title":"",)"
            R"("subject_creditline":"","provider_name":"","provider_url":""})");
}

}  // namespace
}  // namespace embeddingsdb
