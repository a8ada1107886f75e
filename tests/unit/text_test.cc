// SPDX-License-Identifier: BSD-3-Clause
#include "core/text.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace embeddingsdb {
namespace {

using namespace std::string_literals;

TEST(Utf8, AcceptsWellFormedTextOfEveryLength) {
  for (const char* text :
       {"", "a", "plain text of more than eight bytes", "\x7f", "\xc2\x80", "\xdf\xbf",
        "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf", "eight by\xc3\xa9 and more"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << Quote(text);
  }
  EXPECT_TRUE(IsValidUtf8("nul \0 is valid"s));
}

TEST(Utf8, RejectsOverlongFormsSurrogatesAndFragments) {
  for (const char* text : {"\x80",
                           "\xbf",
                           "\xc0\x80",
                           "\xc1\xbf",
                           "\xc2",
                           "\xc2\x20",
                           "\xe0\x80\x80",
                           "\xe0\x9f\xbf",
                           "\xe2\x82",
                           "\xed\xa0\x80",
                           "\xed\xbf\xbf",
                           "\xf0\x80\x80\x80",
                           "\xf0\x8f\xbf\xbf",
                           "\xf0\x9f\x92",
                           "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80",
                           "\xf8\x88\x80\x80\x80",
                           "\xfe",
                           "\xff",
                           "twelve bytes\xff",
                           "seven b\xff",
                           "eight by\xc3"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << Quote(text);
  }
}

TEST(Utf8, DecodesCodePointsAndResumesAfterOneBadByte) {
  EXPECT_EQ(DecodeRune("\xe2\x82\xac!").value, U'\u20ac');
  EXPECT_EQ(DecodeRune("\xe2\x82\xac!").length, 3U);
  EXPECT_EQ(DecodeRune("\xf0\x9f\x96\xbc").value, U'\U0001f5bc');
  EXPECT_FALSE(DecodeRune("\xe2\x82").valid);
  EXPECT_EQ(DecodeRune("\xe2\x82").length, 1U);
}

TEST(Text, FindsControlCharacters) {
  EXPECT_FALSE(HasControlCharacter("a b ~ \xc3\xa9"));
  EXPECT_FALSE(HasControlCharacter("\xc2\x80"));  // C1 is not C0
  EXPECT_TRUE(HasControlCharacter("\x1f"));
  EXPECT_TRUE(HasControlCharacter("a\x7f"));
  EXPECT_TRUE(HasControlCharacter("a\0b"s));
  EXPECT_FALSE(HasControlCharacter(""));
}

TEST(Text, LowersOnlyAsciiLetters) {
  EXPECT_EQ(AsciiLower("AbZ@[`{1 \xc3\x89"), "abz@[`{1 \xc3\x89");
}

TEST(Quote, FollowsTheSyntaxOfGo) {
  EXPECT_EQ(Quote("plain"), R"("plain")");
  EXPECT_EQ(Quote(""), R"("")");
  EXPECT_EQ(Quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Quote("\a\b\f\n\r\t\v"), R"("\a\b\f\n\r\t\v")");
  EXPECT_EQ(Quote("a\x01"
                  "b\x7f"),
            R"("a\x01b\x7f")");
  EXPECT_EQ(Quote("\0"s), R"("\x00")");
  EXPECT_EQ(Quote("caf\xc3\xa9 \xf0\x9f\x96\xbc"), "\"caf\xc3\xa9 \xf0\x9f\x96\xbc\"");
  EXPECT_EQ(Quote("bad \xff\xc3"), R"("bad \xff\xc3")");
}

TEST(Quote, MakesInvisibleCharactersVisible) {
  EXPECT_EQ(Quote("a\xe2\x80\xae"
                  "b"),
            R"("a\u202eb")");  // right-to-left override
  EXPECT_EQ(Quote("\xc2\xa0"), R"("\u00a0")");
  EXPECT_EQ(Quote("\xef\xbb\xbf"), R"("\ufeff")");
  EXPECT_EQ(Quote("\xf3\xa0\x80\x81"), R"("\U000e0001")");
}

TEST(Quote, CutsAfterEightyBytesButNotWithinACharacter) {
  EXPECT_EQ(Quote(std::string(80, 'a')), "\"" + std::string(80, 'a') + "\"");
  EXPECT_EQ(Quote(std::string(81, 'a')), "\"" + std::string(80, 'a') + "\"...");
  EXPECT_EQ(Quote(std::string(79, 'a') + "\xc3\xa9"), "\"" + std::string(79, 'a') + "\"...");
  EXPECT_EQ(QuoteWhole(std::string(500, 'a')), "\"" + std::string(500, 'a') + "\"");
}

TEST(Concat, JoinsTextsAndIntegers) {
  const std::string text = "text";
  EXPECT_EQ(Concat("row ", 3, ": ", text, std::string_view("!"), std::uint64_t{18}, -1),
            "row 3: text!18-1");
  EXPECT_EQ(Concat(), "");
}

struct FloatCase {
  float value;
  std::string_view text;
};

TEST(FormatFloat, MatchesWhatGoPrints) {
  using Limits = std::numeric_limits<float>;
  for (const FloatCase& expected : std::initializer_list<FloatCase>{
           {0.0F, "0"},
           {-0.0F, "-0"},
           {1.0F, "1"},
           {-1.0F, "-1"},
           {0.1F, "0.1"},
           {1.0F / 3, "0.33333334"},
           {2.0F / 3, "0.6666667"},
           {1.4142135F, "1.4142135"},
           {123.456F, "123.456"},
           {100.0F, "100"},
           {1e6F, "1000000"},
           {16777216.0F, "16777216"},
           {16777215.0F, "16777215"},
           {33554432.0F, "33554432"},
           {1e10F, "10000000000"},
           {123456790000.0F, "123456790000"},
           {1e20F, "100000000000000000000"},
           {std::nextafter(1e21F, 0.0F), "999999950000000000000"},
           {1e21F, "1e+21"},
           {1.5e22F, "1.5e+22"},
           {Limits::max(), "3.4028235e+38"},
           {Limits::lowest(), "-3.4028235e+38"},
           {0.000001F, "0.000001"},
           {std::nextafter(1e-6F, 0.0F), "9.999999e-7"},
           {9.999999e-7F, "9.999999e-7"},
           {0.0000012345F, "0.0000012345"},
           {1e-7F, "1e-7"},
           {-1.5e-9F, "-1.5e-9"},
           {1e-10F, "1e-10"},
           {Limits::min(), "1.1754944e-38"},
           {Limits::denorm_min(), "1e-45"},
           {-Limits::denorm_min(), "-1e-45"},
           {1.1754942e-38F, "1.1754942e-38"},
           {Limits::epsilon(), "1.1920929e-7"},
           {5.9604645e-8F, "5.9604645e-8"},
           {0.00390625F, "0.00390625"},
           {3.1415927F, "3.1415927"},
       }) {
    EXPECT_EQ(FormatFloat(expected.value), expected.text);
  }
}

TEST(FormatFloat, NamesWhatIsNotFinite) {
  using Limits = std::numeric_limits<float>;
  EXPECT_EQ(FormatFloat(Limits::quiet_NaN()), "NaN");
  EXPECT_EQ(FormatFloat(Limits::infinity()), "+Inf");
  EXPECT_EQ(FormatFloat(-Limits::infinity()), "-Inf");
}

/// The decimal digits without sign, point, exponent and zeros at either end.
std::string Significand(std::string_view text) {
  std::string digits;
  for (const char c : text.substr(0, text.find('e'))) {
    if (c >= '0' && c <= '9') {
      digits.push_back(c);
    }
  }
  digits.erase(0, digits.find_first_not_of('0'));
  digits.erase(digits.find_last_not_of('0') + 1);
  return digits;
}

TEST(FormatFloat, RandomBitsReadBackAndObeyTheLayoutRule) {
  std::mt19937 random(20260501);  // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable on purpose
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) {
      continue;
    }
    const std::string text = FormatFloat(value);

    float back = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(result.ptr, text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back), std::bit_cast<std::uint32_t>(value)) << text;

    const float magnitude = std::fabs(value);
    const bool exponent = magnitude != 0 && (magnitude < 1e-6F || magnitude >= 1e21F);
    ASSERT_EQ(text.find('e') != std::string::npos, exponent) << text;
    ASSERT_EQ(text.find("e-0"), std::string::npos) << text;
    ASSERT_EQ(text.starts_with('-'), std::signbit(value)) << text;

    // No shorter text reads back: one digit less, rounded, is another float.
    const int digits = static_cast<int>(Significand(text).size());
    if (digits > 1) {
      std::array<char, 64> shorter{};
      const auto end = std::to_chars(shorter.data(), shorter.data() + shorter.size(), value,
                                     std::chars_format::scientific, digits - 2)
                           .ptr;
      std::from_chars(shorter.data(), end, back);
      ASSERT_NE(back, value) << text;
    }
  }
}

}  // namespace
}  // namespace embeddingsdb
