// SPDX-License-Identifier: BSD-3-Clause
//
// ScanJson tells what nlohmann::json's reader tells, and takes what it takes.
#include "core/json_scan.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "support/records.h"

namespace embeddingsdb {
namespace {

/// An integer as its value where that fits, everything else as it is written.
std::string Normal(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::int64_t value = 0;
  std::uint64_t large = 0;
  if (const auto read = std::from_chars(text.data(), end, value);
      read.ec == std::errc() && read.ptr == end) {
    return std::to_string(value);
  }
  if (const auto read = std::from_chars(text.data(), end, large);
      read.ec == std::errc() && read.ptr == end) {
    return std::to_string(large);
  }
  return std::string(text);
}

/// Writes down what it is told. Refuses numbers beyond a double, as the other reader does.
class Written final : public JsonEvents {
 public:
  bool Open(char bracket) override { return Add(std::string(1, bracket)); }
  bool Close(char bracket) override { return Add(std::string(1, bracket)); }
  bool Name(std::string_view name) override { return Add(Concat("name ", name)); }
  bool String(std::string_view text) override { return Add(Concat("text ", text)); }
  bool Number(std::string_view text) override {
    return std::isfinite(std::strtod(std::string(text).c_str(), nullptr)) &&
           Add(Concat("number ", Normal(text)));
  }
  bool Literal(std::string_view text) override { return Add(std::string(text)); }

  std::string log;

 private:
  bool Add(const std::string& event) {
    log += Concat(event, "\n");
    return true;
  }
};

/// The same from the callbacks of nlohmann::json::sax_parse.
class WrittenToo {
 public:
  using Json = nlohmann::json;
  bool null() { return written.Literal("null"); }
  bool boolean(bool value) { return written.Literal(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return written.Number(std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) { return written.Number(std::to_string(value)); }
  bool number_float(double, const std::string& text) { return written.Number(text); }
  bool string(std::string& text) { return written.String(text); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return written.Open('{'); }
  bool key(std::string& name) { return written.Name(name); }
  bool end_object() { return written.Close('}'); }
  bool start_array(std::size_t) { return written.Open('['); }
  bool end_array() { return written.Close(']'); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    return false;
  }

  Written written;
};

std::optional<std::string> Scanned(std::string_view json) {
  Written written;
  return ScanJson(json, written) ? std::optional(written.log) : std::nullopt;
}

std::optional<std::string> Expected(std::string_view json) {
  WrittenToo written;
  return nlohmann::json::sax_parse(json, &written) ? std::optional(written.written.log)
                                                   : std::nullopt;
}

const std::vector<std::string>& Texts() {
  static const std::vector<std::string> texts = {
      R"({"vectors":[{"key":"a","data":{"float32":[0.1,-0,1e-45,3.4028235e38]},"distance":1}]})",
      R"( [ ] )",
      R"({})",
      R"([[],{},[{}],{"a":[]},""])",
      R"({"a":{"b":{"c":[true,false,null]}},"a":2})",
      R"("plain")",
      R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00")",
      "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"",
      R"(0)",
      R"(-0.0e+10)",
      R"([1,-1,12345678901234567890,123456789012345678901234567890,1.5E-3,1e308,1e999])",
      "{\n\t\"a\" : 1 ,\r\n \"b\":[ 1 , 2 ] }\n",
  };
  return texts;
}

TEST(JsonScan, ItIsReadAsTheLibraryReadsIt) {
  for (const std::string& text : Texts()) {
    EXPECT_EQ(Scanned(text), Expected(text)) << text;
  }
  EXPECT_EQ(Scanned(R"({"a":["b",-0,1.50]})"),
            "{\nname a\n[\ntext b\nnumber 0\nnumber 1.50\n]\n}\n");
}

TEST(JsonScan, WhatIsNoJsonIsRefused) {
  for (const std::string text : {"",
                                 " ",
                                 "{",
                                 "[",
                                 "[1",
                                 "[1,",
                                 "[1,]",
                                 "{\"a\"",
                                 "{\"a\":",
                                 "{\"a\":1,",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{1:1}",
                                 "[1 2]",
                                 "[1}",
                                 "{\"a\":1]",
                                 "]",
                                 "1 1",
                                 "01",
                                 "-",
                                 "+1",
                                 ".5",
                                 "1.",
                                 "1.e1",
                                 "1e",
                                 "1e+",
                                 "0x1",
                                 "tru",
                                 "True",
                                 "nulll",
                                 "NaN",
                                 "Infinity",
                                 "\"",
                                 "\"a",
                                 "\"\\",
                                 "\"\\x\"",
                                 "\"\\u12\"",
                                 "\"\\u12g4\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800\\n\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\udc00\"",
                                 "\"\n\"",
                                 "\"\x01\"",
                                 "\"\x80\"",
                                 "\"\xc0\x80\"",
                                 "\"\xed\xa0\x80\"",
                                 "\"\xf4\x90\x80\x80\"",
                                 "\"\xe2\x82\"",
                                 "'a'",
                                 "[1]//",
                                 "<html>"}) {
    EXPECT_EQ(Scanned(text), std::nullopt) << text;
    EXPECT_EQ(Expected(text), std::nullopt) << text;
  }
  // Where the two differ: a zero ends no text, and a mark in front belongs to no JSON.
  EXPECT_EQ(Scanned(std::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(Scanned("\xef\xbb\xbf"
                    "1"),
            std::nullopt);
}

TEST(JsonScan, ChangedTextsAreReadOrRefusedByBoth) {
  constexpr std::string_view kBytes = "{}[]\",:\\u0123456789abcdef+-.eE truefalsn\x80\xc3\xbc\n";
  std::mt19937_64 random(TestSeed());
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = Texts()[random() % Texts().size()];
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.insert(at, 1, kBytes[random() % kBytes.size()]);
          break;
        default:
          text.erase(at, 1 + random() % 3);
      }
      text += text.empty() ? "1" : "";
    }
    const std::optional<std::string> scanned = Scanned(text);
    read += scanned ? 1 : 0;
    ASSERT_EQ(scanned, Expected(text)) << text;
  }
  EXPECT_GT(read, 1'000);
}

TEST(JsonScan, AnEventThatSaysSoEndsIt) {
  class Stops final : public JsonEvents {
   public:
    explicit Stops(int left) : left_(left) {}
    bool Open(char) override { return Go(); }
    bool Close(char) override { return Go(); }
    bool Name(std::string_view) override { return Go(); }
    bool String(std::string_view) override { return Go(); }
    bool Number(std::string_view) override { return Go(); }
    bool Literal(std::string_view) override { return Go(); }

   private:
    bool Go() { return left_-- > 0; }
    int left_;
  };
  const std::string text = R"({"a":["b",1,true,[]]})";
  constexpr int kEvents = 10;
  for (int events = 0; events <= kEvents; ++events) {
    Stops stops(events);
    EXPECT_EQ(ScanJson(text, stops), events == kEvents) << events;
  }
}

}  // namespace
}  // namespace embeddingsdb
