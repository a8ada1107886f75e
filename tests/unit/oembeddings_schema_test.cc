// SPDX-License-Identifier: BSD-3-Clause
//
// The schema that others validate with and the rules in C++ say the same: property by property, and
// by what they make of documents. An interpreter of the few keywords that the schema uses stands
// for other people's validators; like that of go-embeddingsdb it knows no `format`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/oembeddings.h"

#include "support/records.h"

namespace embeddingsdb {
namespace {

using Json = nlohmann::ordered_json;

std::string SchemaFile() {
  std::ifstream in(EDB_SCHEMA_FILE, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Json Schema() {
  return Json::parse(SchemaFile());
}

/// Characters, as JSON Schema counts them.
std::size_t LengthOf(const std::string& text) {
  std::size_t length = 0;
  for (const char c : text) {
    length += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
  }
  return length;
}

bool Accepts(const Json& schema, const Json& value);

bool AcceptsKeyword(const std::string& keyword, const Json& rule, const Json& value) {
  if (keyword == "type") {
    return rule == (value.is_object() ? "object" : value.is_string() ? "string" : "other");
  }
  if (keyword == "enum") {
    return std::ranges::find(rule, value) != rule.end();
  }
  if (keyword == "const") {
    return rule == value;
  }
  if (keyword == "minLength") {
    return !value.is_string() || LengthOf(value.get<std::string>()) >= rule.get<std::size_t>();
  }
  if (keyword == "required" && value.is_object()) {
    return std::ranges::all_of(
        rule, [&](const Json& name) { return value.contains(name.get<std::string>()); });
  }
  if (keyword == "properties" && value.is_object()) {
    return std::ranges::all_of(rule.items(), [&](const auto& one) {
      return !value.contains(one.key()) || Accepts(one.value(), value[one.key()]);
    });
  }
  return true;
}

bool Accepts(const Json& schema, const Json& value) {
  if (schema.contains("if") && Accepts(schema["if"], value) && !Accepts(schema["then"], value)) {
    return false;
  }
  return std::ranges::all_of(schema.items(), [&](const auto& one) {
    return AcceptsKeyword(one.key(), one.value(), value);
  });
}

/// Documents that are good but for a few fields, so that each rule decides often.
class Documents {
 public:
  explicit Documents(std::uint64_t seed) : random_(seed) {}

  Json Next() {
    Json document = Json::object();
    for (const OEmbeddingsField& field : kOEmbeddingsFields) {
      const std::string name(field.name);
      if (Pick(4) != 0) {
        document[name] = name == "type" ? Json(Pick(2) == 0 ? "image" : "text") : Json("x:y");
        continue;
      }
      if (Pick(2) == 0) {
        document[name] = Odd();
      }
    }
    if (Pick(4) == 0) {
      document["more"] = Odd();
    }
    return Pick(50) == 0 ? Odd() : document;
  }

 private:
  std::size_t Pick(std::size_t many) { return random_() % many; }
  Json Odd() {
    static const std::vector<Json> values = {"",
                                             " ",
                                             "image",
                                             "text",
                                             "Image",
                                             "a b",
                                             "\xC3\xA9",
                                             0,
                                             1.5,
                                             -1,
                                             true,
                                             nullptr,
                                             Json::array(),
                                             Json::object(),
                                             Json::array({"image"}),
                                             Json::object({{"type", "image"}})};
    return values[Pick(values.size())];
  }

  std::mt19937_64 random_;
};

/// A document that the schema and the rules do not agree on, or "".
std::string Disagreement(const Json& schema, int documents) {
  Documents source(TestSeed());
  int valid = 0;
  for (int i = 0; i < documents; ++i) {
    const Json document = source.Next();
    const bool ours = ValidateOEmbeddings(document.dump()).valid();
    if (ours != Accepts(schema, document)) {
      return document.dump();
    }
    valid += ours ? 1 : 0;
  }
  EXPECT_GT(valid, documents / 20) << "hardly any document was valid";
  EXPECT_LT(valid, documents / 2) << "hardly any document was invalid";
  return {};
}

TEST(OEmbeddingsSchema, IsTheFile) {
  EXPECT_EQ(OEmbeddingsSchema(), SchemaFile());
}

TEST(OEmbeddingsSchema, SaysWhatItIs) {
  const Json schema = Schema();
  EXPECT_EQ(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(schema["$id"], "https://example.com/schemas/oembeddings.json");
  EXPECT_EQ(schema["title"], "OEmbeddings");
  EXPECT_EQ(schema["type"], "object");
  EXPECT_EQ(schema["additionalProperties"], true);
}

TEST(OEmbeddingsSchema, HasTheRulesOfTheTable) {
  const Json schema = Schema();
  std::vector<std::string> names;
  std::vector<std::string> required;
  for (const OEmbeddingsField& field : kOEmbeddingsFields) {
    const std::string name(field.name);
    names.push_back(name);
    if (field.required) {
      required.push_back(name);
    }
    const Json& property = schema["properties"][name];
    EXPECT_EQ(property["type"], "string") << name;
    EXPECT_EQ(property.value("minLength", 0), field.may_be_empty ? 0 : 1) << name;
    EXPECT_EQ(property.value("format", ""), field.uri == OEmbeddingsUri::kYes ? "uri" : "") << name;
    EXPECT_EQ(property.contains("enum"), name == "type") << name;
  }
  std::vector<std::string> in_schema;
  for (const auto& one : schema["properties"].items()) {
    in_schema.push_back(one.key());
  }
  EXPECT_EQ(in_schema, names);
  EXPECT_EQ(schema["required"].get<std::vector<std::string>>(), required);
  const auto types = schema["properties"]["type"]["enum"].get<std::vector<std::string>>();
  EXPECT_EQ(types, std::vector<std::string>(kOEmbeddingsTypes.begin(), kOEmbeddingsTypes.end()));
}

TEST(OEmbeddingsSchema, AsksForAUriWhereThePreviewIsAnImage) {
  const Json schema = Schema();
  EXPECT_EQ(schema["if"]["properties"]["type"]["const"], "image");
  const Json& then = schema["then"]["properties"];
  ASSERT_EQ(then.size(), 1U);
  EXPECT_EQ(then["preview"]["format"], "uri");
  for (const OEmbeddingsField& field : kOEmbeddingsFields) {
    EXPECT_EQ(field.uri == OEmbeddingsUri::kIfImage, field.name == "preview") << field.name;
  }
}

TEST(OEmbeddingsSchema, AcceptsWhatTheRulesAccept) {
  EXPECT_EQ(Disagreement(Schema(), 4'000), "") << "EDB_SEED=" << TestSeed();
}

TEST(OEmbeddingsSchema, CanaryASchemaWithAnotherRuleIsNoticed) {
  const auto changed = [](std::string_view pointer, const Json& value) {
    Json schema = Schema();
    schema[Json::json_pointer(std::string(pointer))] = value;
    return Disagreement(schema, 4'000);
  };
  EXPECT_NE(changed("/required/6", "type"), "");  // and so provider_url no more
  EXPECT_NE(changed("/properties/type/enum/1", "video"), "");
  EXPECT_NE(changed("/properties/depiction_url/minLength", 0), "");
  EXPECT_NE(changed("/properties/subject_title/minLength", 1), "");
  EXPECT_NE(changed("/properties/provider_name/type", "object"), "");
  EXPECT_NE(changed("/type", "string"), "");
  EXPECT_NE(changed("/then/required", Json::array({"depiction_url"})), "");
}

// Whatever the bytes are, there is an answer.
TEST(OEmbeddingsSchema, DamagedTextIsAnsweredToo) {
  std::mt19937_64 random(TestSeed());
  Documents source(TestSeed());
  for (int i = 0; i < 4'000; ++i) {
    std::string text = source.Next().dump();
    for (std::uint64_t damage = random() % 4; damage > 0 && !text.empty(); --damage) {
      const std::size_t at = random() % text.size();
      const std::string_view pieces = "\\u\"{}[]:,dD8f0\xFF\xC3";
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.insert(at, 1, pieces[random() % pieces.size()]);
          break;
        case 2:
          text.erase(at, random() % 8);
          break;
        default:
          text.insert(at, R"(\ud83d)");
      }
    }
    const OEmbeddingsReport report = ValidateOEmbeddings(text, {.uri_format = UriFormat::kError});
    EXPECT_EQ(report.valid(), OEmbeddingsFromJson(text, {.uri_format = UriFormat::kError}).ok());
    // What nlohmann's parser takes as it is, ours takes too, and calls the same valid.
    if (text.find('\0') == std::string::npos && Json::accept(text)) {
      ASSERT_FALSE(!report.problems.empty() &&
                   report.problems.front().rule == OEmbeddingsRule::kJson)
          << text << "\n"
          << report.problems.front().message;
    }
  }
}

}  // namespace
}  // namespace embeddingsdb
