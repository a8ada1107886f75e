// SPDX-License-Identifier: BSD-3-Clause
#include "core/words.h"

#include <algorithm>
#include <charconv>
#include <utf8proc.h>
#include <utility>

#include "core/text.h"
#include "core/utf8.h"

namespace embeddingsdb {
namespace {

// To be raised with every change of what words are.
constexpr std::int64_t kRuleVersion = 1;

// What an ASCII byte is in a word: itself in lower case, 0 when it separates. Other bytes: 1.
constexpr unsigned char kNotAscii = 1;
constexpr std::array<unsigned char, 256> kFold = [] {
  std::array<unsigned char, 256> fold = {};
  for (std::size_t c = 0; c < fold.size(); ++c) {
    if (c >= 0x80) {
      fold[c] = kNotAscii;
    } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) {
      fold[c] = static_cast<unsigned char>(c);
    } else if (c >= 'A' && c <= 'Z') {
      fold[c] = static_cast<unsigned char>(c - 'A' + 'a');
    }
  }
  return fold;
}();

constexpr std::int32_t kIotaBelow = 0x0345;  // a diacritic, though its capital form is a letter

unsigned char Fold(char c) {
  return kFold[static_cast<unsigned char>(c)];
}

struct Range {
  char32_t first;
  char32_t last;
};

// Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar, ascending: the scripts written without
// spaces. Compatibility forms need no place here.
constexpr std::array kWithoutSpaces = std::to_array<Range>({
    {0x0E01, 0x0EFF},    // Thai, Lao
    {0x1000, 0x109F},    // Myanmar
    {0x1780, 0x17FF},    // Khmer
    {0x2E80, 0x2FDF},    // radicals
    {0x3005, 0x3007},    // Han: iteration mark, closing mark, zero
    {0x3021, 0x3029},    // Han: Hangzhou numerals
    {0x3038, 0x303B},    // Han
    {0x3041, 0x30FF},    // Hiragana, Katakana
    {0x31F0, 0x31FF},    // Katakana
    {0x3400, 0x4DBF},    // Han
    {0x4E00, 0x9FFF},    // Han
    {0xA9E0, 0xA9FF},    // Myanmar
    {0xAA60, 0xAA7F},    // Myanmar
    {0xF900, 0xFAFF},    // Han: those that decompose to nothing else
    {0x16FE3, 0x16FE3},  // Han: old iteration mark
    {0x1AFF0, 0x1B16F},  // Hiragana, Katakana
    {0x20000, 0x323AF},  // Han
});

bool StandsAlone(char32_t rune) {
  if (rune < kWithoutSpaces.front().first) {
    return false;
  }
  return std::any_of(kWithoutSpaces.begin(), kWithoutSpaces.end(), [rune](const Range& range) {
    return rune >= range.first && rune <= range.last;
  });
}

/// Marks above, below and through letters, and the points of Hebrew and Arabic. The marks of other
/// scripts are vowels and what else makes another word of it: they stay.
bool IsDiacritic(const utf8proc_property_t& property) {
  const int combining_class = property.combining_class;
  return property.category == UTF8PROC_CATEGORY_ME || combining_class == 1 ||
         (combining_class >= 10 && combining_class <= 36) || combining_class >= 200;
}

/// Letters with a stroke, and the i without a dot, decompose to nothing; to readers of other
/// languages they are the letter with a diacritic all the same.
char32_t WithoutStroke(char32_t rune) {
  switch (rune) {
    case U'\u00F8':
      return U'o';
    case U'\u0111':
      return U'd';
    case U'\u0127':
      return U'h';
    case U'\u0131':
      return U'i';
    case U'\u0142':
      return U'l';
    case U'\u0167':
      return U't';
    default:
      return rune;
  }
}

bool IsMark(int category) {
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

/// Letters, marks and numbers are neighbours in the enumeration.
bool IsWordCategory(int category) {
  static_assert(UTF8PROC_CATEGORY_LU == 1 && UTF8PROC_CATEGORY_NO == 11);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

/// The vowels and final consonants of Hangul, which join what is before them.
bool IsJoiningJamo(char32_t rune) {
  return rune >= 0x1160 && rune <= 0x11FF;
}

/// What a character becomes without compatibility forms and case: nothing for those that cannot be
/// seen. Case is folded after decomposing, or the iota below Greek letters would become a letter.
std::size_t Unfold(char32_t character, std::span<std::int32_t> runes) {
  constexpr int kDecomposing = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_IGNORE;
  int boundary = 0;  // of grapheme clusters, which are not asked for
  std::array<std::int32_t, 24> decomposed = {};
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<std::int32_t>(character), decomposed.data(), std::ssize(decomposed),
      static_cast<utf8proc_option_t>(kDecomposing), &boundary);
  std::size_t size = 0;
  for (utf8proc_ssize_t i = 0; i < std::min(count, std::ssize(decomposed)); ++i) {
    const std::int32_t rune = decomposed[static_cast<std::size_t>(i)];
    if (rune == kIotaBelow) {
      continue;
    }
    const std::span<std::int32_t> rest = runes.subspan(size);
    const utf8proc_ssize_t added = utf8proc_decompose_char(
        rune, rest.data(), std::ssize(rest),
        static_cast<utf8proc_option_t>(kDecomposing | UTF8PROC_CASEFOLD), &boundary);
    size += added > 0 && added <= std::ssize(rest) ? static_cast<std::size_t>(added) : 0;
  }
  return size;
}

bool TermMatches(const WordsQuery::Term& term, std::string_view word) {
  return term.prefix ? word.starts_with(term.text) : word == term.text;
}

}  // namespace

bool WordCutter::Next() {
  while (true) {
    if (next_rune_ == rune_count_) {
      while (next_ < text_.size() && Fold(text_[next_]) == 0) {
        ++next_;
      }
      if (next_ == text_.size()) {
        return false;
      }
      if (NextAscii()) {
        return true;
      }
    }
    if (NextAny()) {
      return true;
    }
  }
}

bool WordCutter::NextAscii() {
  std::size_t at = next_;
  std::size_t bytes = 0;
  unsigned char folded = 0;
  for (; at < text_.size() && (folded = Fold(text_[at])) > kNotAscii; ++at) {
    if (bytes < word_.size()) {
      word_[bytes++] = static_cast<char>(folded);
    }
  }
  if (bytes == 0 || (at < text_.size() && folded == kNotAscii)) {
    return false;
  }
  word_bytes_ = bytes;
  next_ = at;
  end_ = at;
  return true;
}

bool WordCutter::NextAny() {
  letter_count_ = 0;
  alone_ = false;
  compose_ = false;
  end_ = text_.size();
  while (next_rune_ < rune_count_ || ReadRunes()) {
    const auto rune = static_cast<char32_t>(runes_[next_rune_]);
    if (!Take(rune)) {
      end_ = rune_begin_;
      break;
    }
    ++next_rune_;
  }
  if (letter_count_ == 0) {
    next_rune_ += next_rune_ < rune_count_ ? 1 : 0;
    return false;
  }
  WriteWord();
  return true;
}

bool WordCutter::ReadRunes() {
  next_rune_ = 0;
  rune_count_ = 0;
  while (next_ < text_.size() && rune_count_ == 0) {
    rune_begin_ = next_;
    const Rune rune = DecodeRune(text_.substr(next_));
    next_ += rune.length;
    if (rune.valid && rune.value >= 0x80) {
      rune_count_ = Unfold(rune.value, runes_);
    } else {
      runes_[0] = rune.valid ? Fold(static_cast<char>(rune.value)) : 0;
      rune_count_ = 1;
    }
  }
  return rune_count_ > 0;
}

bool WordCutter::Take(char32_t rune) {
  const utf8proc_property_t& property = *utf8proc_get_property(static_cast<std::int32_t>(rune));
  if (!IsWordCategory(property.category)) {
    return false;
  }
  if (IsMark(property.category)) {
    if (!IsDiacritic(property)) {
      Append(rune, property.combining_class);
      compose_ = true;
    }
    return true;
  }
  const bool stands_alone = StandsAlone(rune);
  if (letter_count_ > 0 && (alone_ || stands_alone)) {
    return false;
  }
  alone_ = stands_alone;
  compose_ = compose_ || IsJoiningJamo(rune);
  Append(WithoutStroke(rune), 0);
  return true;
}

void WordCutter::Append(char32_t rune, int combining_class) {
  if (letter_count_ == letters_.size()) {
    return;
  }
  // Marks come in canonical order, however they were written.
  std::size_t at = letter_count_++;
  for (; combining_class > 0 && at > 0 && classes_[at - 1] > combining_class; --at) {
    letters_[at] = letters_[at - 1];
    classes_[at] = classes_[at - 1];
  }
  letters_[at] = static_cast<std::int32_t>(rune);
  classes_[at] = static_cast<std::uint8_t>(combining_class);
}

void WordCutter::WriteWord() {
  auto count = static_cast<utf8proc_ssize_t>(letter_count_);
  if (compose_) {
    constexpr auto kComposing = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    count = utf8proc_normalize_utf32(letters_.data(), count, kComposing);
  }
  word_bytes_ = 0;
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    std::array<utf8proc_uint8_t, 4> utf8 = {};
    const auto bytes = static_cast<std::size_t>(
        utf8proc_encode_char(letters_[static_cast<std::size_t>(i)], utf8.data()));
    if (word_bytes_ + bytes > word_.size()) {
      break;
    }
    std::copy_n(utf8.begin(), bytes, word_.begin() + static_cast<std::ptrdiff_t>(word_bytes_));
    word_bytes_ += bytes;
  }
}

Result<WordsQuery> WordsQuery::Parse(std::string_view text) {
  if (text.size() > kMaxWordsBytes) {
    return InvalidArgumentError(
        Concat("words has ", text.size(), " bytes, the limit is ", kMaxWordsBytes));
  }
  if (!IsValidUtf8(text)) {
    return InvalidArgumentError(Concat("words ", Quote(text), " is not valid UTF-8"));
  }
  std::vector<Term> terms;
  for (WordCutter cutter(text); cutter.Next();) {
    Term term = {std::string(cutter.word()), text.substr(cutter.end()).starts_with('*')};
    if (std::find(terms.begin(), terms.end(), term) == terms.end()) {
      terms.push_back(std::move(term));
    }
  }
  if (terms.empty()) {
    return InvalidArgumentError(
        Concat("words ", Quote(text), " holds no word (letters, digits) to search for"));
  }
  if (terms.size() > kMaxQueryTerms) {
    return InvalidArgumentError(
        Concat("words has ", terms.size(), " terms, the limit is ", kMaxQueryTerms));
  }
  return WordsQuery(std::move(terms));
}

bool WordsQuery::Matches(const Attributes& attributes) const {
  static_assert(kMaxQueryTerms <= 32);
  std::uint32_t missing = 0xFFFF'FFFFU >> (32 - terms_.size());  // a bit for each term
  for (const auto& [name, value] : attributes) {
    if (!HasWords(value)) {
      continue;
    }
    for (WordCutter cutter(value); missing != 0 && cutter.Next();) {
      for (std::size_t i = 0; i < terms_.size(); ++i) {
        missing &= TermMatches(terms_[i], cutter.word()) ? ~(1U << i) : ~0U;
      }
    }
  }
  return missing == 0;
}

std::int64_t WordsRule() {
  std::int64_t rule = kRuleVersion;
  std::string_view version = utf8proc_unicode_version();  // "14.0.0"
  for (int part = 0; part < 3; ++part) {
    int number = 0;
    const auto [end, error] =
        std::from_chars(version.data(), version.data() + version.size(), number);
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    version.remove_prefix(version.empty() ? 0 : 1);
    rule = rule * 100 + number;
  }
  return rule;
}

}  // namespace embeddingsdb
