// SPDX-License-Identifier: BSD-3-Clause
#include "core/words.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utf8proc.h>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

Words WordsOf(std::string_view text) {
  Words words;
  for (WordCutter cutter(text); cutter.Next();) {
    words.emplace_back(cutter.word());
  }
  return words;
}

std::string Encode(std::span<const std::int32_t> runes) {
  std::string text;
  for (const std::int32_t rune : runes) {
    std::array<utf8proc_uint8_t, 4> utf8 = {};
    const utf8proc_ssize_t bytes = utf8proc_encode_char(rune, utf8.data());
    text.append(utf8.begin(), utf8.begin() + bytes);
  }
  return text;
}

std::string Normalize(std::string_view text, int options) {
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t bytes = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &result, static_cast<utf8proc_option_t>(options));
  EXPECT_GE(bytes, 0) << Quote(text);
  std::string normal(reinterpret_cast<const char*>(result), static_cast<std::size_t>(bytes));
  std::free(result);  // NOLINT(cppcoreguidelines-no-malloc): utf8proc's
  return normal;
}

TEST(Words, AreRunsOfAsciiLettersAndDigitsInLowerCase) {
  EXPECT_THAT(WordsOf("A Sunflower, 1889 (oil/canvas)"),
              ElementsAre("a", "sunflower", "1889", "oil", "canvas"));
  EXPECT_THAT(WordsOf("  O'Keeffe--b. 1887_x"), ElementsAre("o", "keeffe", "b", "1887", "x"));
  EXPECT_THAT(
      WordsOf("https://collection.sfomuseum.org/objects/1511943259/?id=A1"),
      ElementsAre("https", "collection", "sfomuseum", "org", "objects", "1511943259", "id", "a1"));
  EXPECT_THAT(WordsOf(""), IsEmpty());
  EXPECT_THAT(WordsOf(" \n\t.,;*\"'"), IsEmpty());
  EXPECT_THAT(WordsOf(std::string_view("a\0b", 3)), ElementsAre("a", "b"));
}

TEST(Words, LoseCaseDiacriticsAndCompatibilityForms) {
  EXPECT_THAT(WordsOf("\u00C9tude E\u0301tude"), ElementsAre("etude", "etude"));
  EXPECT_THAT(WordsOf("\uFB01sh"), ElementsAre("fish"));
  EXPECT_THAT(WordsOf("\uFF26\uFF4C\uFF4F\uFF37\uFF25\uFF32\u3000\uFF11\uFF12"),
              ElementsAre("flower", "12"));
  EXPECT_THAT(WordsOf("Stra\u00DFe STRASSE \u1E9E"), ElementsAre("strasse", "strasse", "ss"));
  EXPECT_THAT(WordsOf("Bygd\u00F8y \u0141\u00F3d\u017A \u0110\u00E0 N\u1EB5ng"),
              ElementsAre("bygdoy", "lodz", "da", "nang"));
  EXPECT_THAT(WordsOf("\u0130STANBUL Ispar\u0131"), ElementsAre("istanbul", "ispari"));
  EXPECT_THAT(WordsOf("m\u00B2 \u216B \u2460"), ElementsAre("m2", "xii", "1"));
}

TEST(Words, AreFoundInEveryScript) {
  EXPECT_THAT(WordsOf("\u039F\u03B4\u03C5\u03C3\u03C3\u03AD\u03B1\u03C2"),  // Odysseas
              ElementsAre("\u03BF\u03B4\u03C5\u03C3\u03C3\u03B5\u03B1\u03C3"));
  EXPECT_THAT(WordsOf("\u1FF3\u0301 \u1F84"), ElementsAre("\u03C9", "\u03B1"));  // iotas below
  EXPECT_THAT(WordsOf("\u042D\u0420\u041C\u0418\u0422\u0410\u0416, \u043C\u0443\u0437\u0435\u0439"),
              ElementsAre("\u044D\u0440\u043C\u0438\u0442\u0430\u0436",
                          "\u043C\u0443\u0437\u0435\u0438"));  // the breve of short i is gone
  // Hebrew and Arabic without their points.
  EXPECT_THAT(WordsOf("\u05E9\u05C1\u05B8\u05DC\u05D5\u05B9\u05DD"),
              ElementsAre("\u05E9\u05DC\u05D5\u05DD"));
  EXPECT_THAT(WordsOf("\u0645\u064F\u062A\u0652\u062D\u064E\u0641"),
              ElementsAre("\u0645\u062A\u062D\u0641"));
  // One code point that is four words.
  EXPECT_THAT(WordsOf("\uFDFA"),
              ElementsAre("\u0635\u0644\u0649", "\u0627\u0644\u0644\u0647",
                          "\u0639\u0644\u064A\u0647", "\u0648\u0633\u0644\u0645"));
  // Devanagari keeps its vowels and virama: "hindi" is one word, and not that without them.
  EXPECT_THAT(WordsOf("\u0939\u093F\u0928\u094D\u0926\u0940"),
              ElementsAre("\u0939\u093F\u0928\u094D\u0926\u0940"));
  // Hangul, composed, of composed and of conjoining letters.
  EXPECT_THAT(WordsOf("\uBC15\uBB3C\uAD00"), ElementsAre("\uBC15\uBB3C\uAD00"));
  EXPECT_THAT(WordsOf("\u1107\u1161\u11A8\u1106\u116E\u11AF"), ElementsAre("\uBC15\uBB3C"));
  EXPECT_THAT(WordsOf("\u0567\u057B"), ElementsAre("\u0567\u057B"));                   // Armenian
  EXPECT_THAT(WordsOf("\u10DB\u10E3 \u1CA0"), ElementsAre("\u10DB\u10E3", "\u10E0"));  // Georgian
  EXPECT_THAT(WordsOf("\u1230\u120B\u121D\u1361\u12D3\u1208\u121D"),                   // Ethiopic
              ElementsAre("\u1230\u120B\u121D", "\u12D3\u1208\u121D"));
  EXPECT_THAT(WordsOf("\U00010400"), ElementsAre("\U00010428"));  // Deseret
}

TEST(Words, AreSingleCharactersWhereThereAreNoSpaces) {
  EXPECT_THAT(WordsOf("\u5BCC\u5DBD"), ElementsAre("\u5BCC", "\u5DBD"));
  EXPECT_THAT(WordsOf("abc\u5BCC\u5DBDx1"), ElementsAre("abc", "\u5BCC", "\u5DBD", "x1"));
  EXPECT_THAT(WordsOf("\u3072\u3089\u304C\u306A"),
              ElementsAre("\u3072", "\u3089", "\u304C", "\u306A"));
  // Half-width katakana with its voicing mark, and the long vowel.
  EXPECT_THAT(WordsOf("\uFF76\uFF9E\uFF70"), ElementsAre("\u30AC", "\u30FC"));
  EXPECT_THAT(WordsOf("\u304B\u3099"), ElementsAre("\u304C"));
  // Thai: a consonant has its vowel sign and tone.
  EXPECT_THAT(WordsOf("\u0E17\u0E35\u0E48"), ElementsAre("\u0E17\u0E35\u0E48"));
  EXPECT_THAT(WordsOf("\u0E44\u0E17\u0E22"), ElementsAre("\u0E44", "\u0E17", "\u0E22"));
  EXPECT_THAT(WordsOf("\u0EA5\u0EB2\u0EA7"), ElementsAre("\u0EA5", "\u0EB2", "\u0EA7"));
  EXPECT_THAT(WordsOf("\u1781\u17D2\u1798\u17C2"), ElementsAre("\u1781\u17D2", "\u1798\u17C2"));
  EXPECT_THAT(WordsOf("\u1019\u103C\u1014\u103A"), ElementsAre("\u1019\u103C", "\u1014\u103A"));
  EXPECT_THAT(WordsOf("\u2F00"), ElementsAre("\u4E00"));  // a radical is its character
  EXPECT_THAT(WordsOf("\U0002000B\u9FFF"), ElementsAre("\U0002000B", "\u9FFF"));
  EXPECT_THAT(WordsOf("\u30FB\u3001\u3002\u300C\u0E3F"), IsEmpty());  // punctuation, baht
}

TEST(Words, AreNotSplitByWhatCannotBeSeen) {
  EXPECT_THAT(WordsOf("mu\u00ADse\u200Dum\uFE0F"), ElementsAre("museum"));
  EXPECT_THAT(WordsOf("\uFEFFtitle"), ElementsAre("title"));
  EXPECT_THAT(WordsOf("1\uFE0F\u20E3"), ElementsAre("1"));
  EXPECT_THAT(WordsOf("\u201Cartist\u2019s\u201D \U0001F33B \u2014 end"),
              ElementsAre("artist", "s", "end"));
  EXPECT_THAT(WordsOf("\u0301\u0308 \u0301a"), ElementsAre("a"));
  EXPECT_THAT(WordsOf("a\uE000b"), ElementsAre("a", "b"));  // private use
}

TEST(Words, AreCutToWholeCharacters) {
  EXPECT_THAT(WordsOf(std::string(64, 'A')), ElementsAre(std::string(64, 'a')));
  EXPECT_THAT(WordsOf(std::string(70'000, 'A') + " b"), ElementsAre(std::string(64, 'a'), "b"));
  std::string cyrillic;
  std::string hangul;
  for (int i = 0; i < 500; ++i) {
    cyrillic += "\u0436";
    hangul += "\u1107\u1161\u11A8";
  }
  EXPECT_EQ(WordsOf(cyrillic), Words{cyrillic.substr(0, 64)});
  EXPECT_EQ(WordsOf("x" + cyrillic), Words{"x" + cyrillic.substr(0, 62)});
  ASSERT_EQ(WordsOf(hangul).size(), 1U);
  EXPECT_EQ(WordsOf(hangul)[0].size(), 63U);  // 21 syllables
  // However many marks there are, the word ends where it does.
  std::string marks = "\u0915";
  for (int i = 0; i < 500; ++i) {
    marks += "\u093F";
  }
  EXPECT_EQ(WordsOf(marks + " b"), (Words{marks.substr(0, 63), "b"}));
}

TEST(Words, SayWhereTheyEnd) {
  const std::string_view text = "ab* \u00E9t\u00E9*\u5BCC* x\u00AD*y";
  std::vector<std::pair<std::string, bool>> words;
  for (WordCutter cutter(text); cutter.Next();) {
    words.emplace_back(cutter.word(), text.substr(cutter.end()).starts_with('*'));
  }
  EXPECT_THAT(words,
              ElementsAre(std::pair("ab", true), std::pair("ete", true), std::pair("\u5BCC", true),
                          std::pair("x", true), std::pair("y", false)));
}

/// The same rule, with a library call for each of its steps.
Words SlowWordsOf(std::string_view given) {
  std::string text = Normalize(given, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  for (const std::string iota = "\u0345"; text.find(iota) != std::string::npos;) {
    text.erase(text.find(iota), iota.size());
  }
  std::vector<std::int32_t> runes(text.size() * 18 + 1);
  const utf8proc_ssize_t count =
      utf8proc_decompose(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                         static_cast<utf8proc_ssize_t>(text.size()), runes.data(),
                         static_cast<utf8proc_ssize_t>(runes.size()),
                         static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
                                                        UTF8PROC_CASEFOLD | UTF8PROC_IGNORE));
  EXPECT_GE(count, 0) << Quote(text);
  runes.resize(static_cast<std::size_t>(count));

  std::vector<std::vector<std::int32_t>> words(1);
  bool alone = false;
  for (std::int32_t rune : runes) {
    const std::string category = utf8proc_category_string(rune);
    const int combining_class = utf8proc_get_property(rune)->combining_class;
    if (category[0] == 'M') {
      const bool dropped = category == "Me" || combining_class == 1 || combining_class >= 200 ||
                           (combining_class >= 10 && combining_class <= 36);
      if (!dropped) {
        words.back().push_back(rune);
      }
      continue;
    }
    if (category[0] != 'L' && category[0] != 'N') {
      words.emplace_back();
      alone = false;
      continue;
    }
    const std::u32string_view strokes = U"\u00F8o\u0111d\u0127h\u0131i\u0142l\u0167t";
    if (const auto at = strokes.find(static_cast<char32_t>(rune));
        rune >= 0x80 && at != std::u32string_view::npos) {
      rune = static_cast<std::int32_t>(strokes[at + 1]);
    }
    // Whether a character stands alone is what AreSingleCharactersWhereThereAreNoSpaces is about.
    const std::string character = Encode(std::array{rune});
    const bool stands_alone = WordsOf(character + character).size() == 2;
    if (alone || stands_alone) {
      words.emplace_back();
    }
    alone = stands_alone;
    words.back().push_back(rune);
  }

  Words folded;
  for (std::vector<std::int32_t>& word : words) {
    const utf8proc_ssize_t composed = utf8proc_normalize_utf32(
        word.data(), static_cast<utf8proc_ssize_t>(word.size()),
        static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    word.resize(static_cast<std::size_t>(composed));
    std::string utf8 = Encode(word);
    for (; utf8.size() > kMaxWordBytes; word.pop_back(), utf8 = Encode(word)) {
    }
    if (!utf8.empty()) {
      folded.push_back(utf8);
    }
  }
  return folded;
}

class RandomTexts : public ::testing::Test {
 protected:
  std::size_t Below(std::size_t limit) { return random_() % limit; }

  std::int32_t Rune() {
    static constexpr std::array<std::array<std::int32_t, 2>, 19> kBlocks = {{
        {0x00, 0x7F},     {0x41, 0x5A},       {0x61, 0x7A},       {0x80, 0x24F},
        {0x300, 0x36F},   {0x370, 0x52F},     {0x590, 0x6FF},     {0x900, 0xDFF},
        {0xE00, 0xFFF},   {0x1000, 0x11FF},   {0x1780, 0x17FF},   {0x1E00, 0x206F},
        {0x2070, 0x2BFF}, {0x3000, 0x31FF},   {0x4E00, 0x4EFF},   {0xAC00, 0xD7A3},
        {0xF900, 0xFFFD}, {0x10000, 0x1FFFF}, {0x20000, 0x2FFFF},
    }};
    const auto& block = kBlocks.at(Below(kBlocks.size()));
    return std::uniform_int_distribution(block[0], block[1])(random_);
  }

  /// Of one to a few dozen code points, of few blocks each.
  std::string Text() {
    std::vector<std::int32_t> pool(1 + Below(8));
    for (std::int32_t& rune : pool) {
      rune = Rune();
    }
    std::vector<std::int32_t> runes(1 + Below(40));
    for (std::int32_t& rune : runes) {
      rune = Below(8) == 0 ? Rune() : pool[Below(pool.size())];
    }
    return Encode(runes);
  }

  std::mt19937_64 random_{20'261'125};
};

TEST_F(RandomTexts, AreCutAsTheSlowWayCutsThem) {
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = Text();
    ASSERT_EQ(WordsOf(text), SlowWordsOf(text)) << QuoteWhole(text);
  }
}

TEST_F(RandomTexts, HaveTheSameWordsInEveryNormalForm) {
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = Text();
    const Words words = WordsOf(text);
    ASSERT_EQ(WordsOf(Normalize(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE)), words)
        << QuoteWhole(text);
    ASSERT_EQ(WordsOf(Normalize(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE)), words)
        << QuoteWhole(text);
    ASSERT_EQ(WordsOf(Normalize(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT)),
              words)
        << QuoteWhole(text);
  }
}

TEST_F(RandomTexts, GiveWordsThatAreTheirOwnWords) {
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = Text();
    for (const std::string& word : WordsOf(text)) {
      ASSERT_EQ(WordsOf(word), Words{word}) << QuoteWhole(text);
      ASSERT_TRUE(IsValidUtf8(word));
      ASSERT_LE(word.size(), kMaxWordBytes);
      ASSERT_FALSE(word.find(' ') != std::string::npos || word.find('*') != std::string::npos);
    }
  }
}

TEST_F(RandomTexts, HaveTheSameWordsWithAndWithoutTheShortWayForAscii) {
  for (int i = 0; i < 5'000; ++i) {
    std::string plain;
    std::string hyphenated;  // with what cannot be seen, so that nothing is ASCII alone
    for (std::size_t size = Below(200); size > 0; --size) {
      const auto c = static_cast<char>(Below(3) == 0 ? Below(128) : 'A' + Below(58));
      plain += c;
      hyphenated += c;
      hyphenated += "\u00AD";
    }
    ASSERT_EQ(WordsOf(plain), WordsOf(hyphenated)) << QuoteWhole(plain);
  }
}

TEST_F(RandomTexts, MayHoldAnyBytes) {
  for (int i = 0; i < 5'000; ++i) {
    // On the heap and of exactly this size, for the address sanitizer to see a byte too far.
    const std::size_t size = Below(80);
    const std::unique_ptr<char[]> bytes(new char[size]);  // NOLINT(modernize-avoid-c-arrays)
    for (std::size_t at = 0; at < size; ++at) {
      bytes[at] = static_cast<char>(Below(4) == 0 ? 'a' + Below(26) : 0x80 + Below(128));
    }
    for (const std::string& word : WordsOf({bytes.get(), size})) {
      ASSERT_TRUE(IsValidUtf8(word) && !word.empty() && word.size() <= kMaxWordBytes);
    }
  }
  EXPECT_THAT(WordsOf("ab\xffg\xc3"), ElementsAre("ab", "g"));
}

std::vector<WordsQuery::Term> Terms(std::string_view text) {
  const WordsQuery query = WordsQuery::Parse(text).value();
  return {query.terms().begin(), query.terms().end()};
}

bool Finds(std::string_view query, const Attributes& attributes) {
  return WordsQuery::Parse(query).value().Matches(attributes);
}

TEST(AWordsQuery, IsCutLikeATextAndEveryTermCountsOnce) {
  using Term = WordsQuery::Term;
  EXPECT_EQ(Terms("  \u00C9tude, etude NO. 5* fl*ower"),
            (std::vector<Term>{
                {"etude", false}, {"no", false}, {"5", true}, {"fl", true}, {"ower", false}}));
  EXPECT_EQ(Terms("a a* a a*"), (std::vector<Term>{{"a", false}, {"a", true}}));
  EXPECT_EQ(Terms("\u5BCC\u5DBD*"), (std::vector<Term>{{"\u5BCC", false}, {"\u5DBD", true}}));
}

TEST(AWordsQuery, IsRefusedByNameWhenItAsksForNothingOrTooMuch) {
  for (const std::string_view nothing : {"", "   ", "*", "\u3001 !", "\u0301"}) {
    const Status status = WordsQuery::Parse(nothing).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("holds no word")) << nothing;
  }
  std::string terms;
  for (int i = 0; i < 32; ++i) {
    terms += Concat("w", i, " ");
  }
  EXPECT_EQ(Terms(terms + "w0 W31").size(), 32U);
  EXPECT_EQ(WordsQuery::Parse(terms + "x").status(),
            InvalidArgumentError("words has 33 terms, the limit is 32"));
  EXPECT_EQ(Terms(std::string(kMaxWordsBytes, 'a')).size(), 1U);
  EXPECT_EQ(WordsQuery::Parse(std::string(kMaxWordsBytes + 1, 'a')).status(),
            InvalidArgumentError("words has 1025 bytes, the limit is 1024"));
  EXPECT_EQ(WordsQuery::Parse("a \xff").status(),
            InvalidArgumentError("words \"a \\xff\" is not valid UTF-8"));
}

TEST(AWordsQuery, FindsRecordsThatHaveAllOfItsTermsInAnyAttribute) {
  const Attributes attributes = {
      {"creditline", "Gift of Mme. Ren\u00E9e Dupont"},
      {"thumbnail_url", "data:image/png;base64,lotus/secret"},
      {"title", "\u00C9tude: two \uFB01shes, \u5BCC\u5DBD\u4E09\u5341\u516D\u666F"},
      {"url", "https://example.org/objects/1234"}};
  EXPECT_TRUE(Finds("etude", attributes));
  EXPECT_TRUE(Finds("RENEE fishes", attributes));
  EXPECT_TRUE(Finds("fish*", attributes));
  EXPECT_TRUE(Finds("fish* gift 1234 \u5DBD\u5BCC", attributes));
  EXPECT_FALSE(Finds("fish", attributes));
  EXPECT_FALSE(Finds("etudes", attributes));
  EXPECT_FALSE(Finds("etude gift lotus", attributes));
  EXPECT_FALSE(Finds("secret", attributes));
  EXPECT_FALSE(Finds("title", attributes));  // a name of an attribute is no value
  EXPECT_FALSE(Finds("\u5BCC\u58EB", attributes));
  EXPECT_FALSE(Finds("a", {}));
}

TEST(AWordsQuery, MayHaveAsManyTermsAsTheLimitSays) {
  std::string query;
  Attributes attributes;
  for (int i = 0; i < 32; ++i) {
    query += Concat("w", i, " ");
    attributes.emplace(Concat("name", i), Concat("w", i));
  }
  EXPECT_TRUE(Finds(query, attributes));
  attributes.erase("name31");
  EXPECT_FALSE(Finds(query, attributes));
}

TEST(AWordsQuery, ComparesLongWordsUpToTheirLimit) {
  EXPECT_TRUE(Finds(std::string(64, 'a') + "x", {{"title", std::string(64, 'a') + "y"}}));
  EXPECT_FALSE(Finds(std::string(63, 'a') + "x", {{"title", std::string(63, 'a') + "y"}}));
}

TEST(TheRuleOfWords, HasANumberThatNamesTheVersionOfUnicode) {
  EXPECT_GE(WordsRule(), 1'14'00'00);
  EXPECT_EQ(WordsRule() / 1'000'000, 1);
}

}  // namespace
}  // namespace embeddingsdb
