// SPDX-License-Identifier: BSD-3-Clause
//
// Words: how texts are cut for searching by words, and what such a search asks for. One rule for
// texts and queries, on every engine (docs/semantics.md).
#ifndef EMBEDDINGSDB_CORE_WORDS_H_
#define EMBEDDINGSDB_CORE_WORDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Walks the words of a text, in order, repeated ones included:
///
///   for (WordCutter cutter(text); cutter.Next();) { Use(cutter.word()); }
///
/// A word is a run of letters, digits and marks; a character of a script that is written without
/// spaces, with its marks, is a word of its own. It is given folded: compatibility forms, case and
/// diacritics are gone, in UTF-8 and composed (NFC). It never holds a space and has 1 to
/// kMaxWordBytes bytes: a longer one is cut to whole characters. Cutting a folded word gives that
/// word. Any bytes may come in; ill-formed UTF-8 separates words. Allocates nothing.
class WordCutter {
 public:
  /// The text is borrowed. Most values are short: the buffers are not cleared for each.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  explicit WordCutter(std::string_view text) : text_(text) {}

  /// Moves to the next word; false when there is none.
  bool Next();
  /// The current word, until the next call of Next.
  std::string_view word() const { return {word_.data(), word_bytes_}; }
  /// Where in the text the character is that ended the current word; the text's length at its end.
  std::size_t end() const { return end_; }

 private:
  /// A word of ASCII alone. False, with nothing changed, when another character follows it at once.
  bool NextAscii();
  /// Any word. False when there was none before the next separator, which is passed over.
  bool NextAny();
  /// Unfolds the next character that is not invisible into runes_. False at the end of the text.
  bool ReadRunes();
  /// Takes one unfolded code point. False, and the code point is still to be taken, when the word
  /// ended before it.
  bool Take(char32_t rune);
  void Append(char32_t rune, int combining_class);
  void WriteWord();

  const std::string_view text_;
  std::size_t next_ = 0;  // where in the text the next character is read
  std::size_t end_ = 0;

  // What the newest character became, 18 code points at most (U+FDFA); not all are taken yet.
  std::array<std::int32_t, 24> runes_ = {};
  std::size_t rune_count_ = 0;
  std::size_t next_rune_ = 0;
  std::size_t rune_begin_ = 0;  // where in the text that character is

  // The word that NextAny reads, decomposed: more code points than become kMaxWordBytes when marks
  // have joined their letters.
  std::array<std::int32_t, 2 * kMaxWordBytes> letters_ = {};
  std::array<std::uint8_t, 2 * kMaxWordBytes> classes_ = {};
  std::size_t letter_count_ = 0;
  bool alone_ = false;    // its script is written without spaces
  bool compose_ = false;  // it holds something that may join what is before it

  std::array<char, kMaxWordBytes> word_ = {};
  std::size_t word_bytes_ = 0;
};

/// False for an attribute's value without words: "data:..." is a picture written into the record.
inline bool HasWords(std::string_view value) {
  return !value.starts_with("data:");
}

/// Calls `visit(word)` for each word of the values of all attributes.
template <typename Visit>
void ForEachWord(const Attributes& attributes, const Visit& visit) {
  for (const auto& [name, value] : attributes) {
    if (!HasWords(value)) {
      continue;
    }
    for (WordCutter cutter(value); cutter.Next();) {
      visit(cutter.word());
    }
  }
}

/// What a text asks for: every term occurs in the record, wherever.
class WordsQuery {
 public:
  struct Term {
    std::string text;     ///< folded, as WordCutter gives it
    bool prefix = false;  ///< words that begin with it count too

    bool operator==(const Term&) const = default;
  };

  /// Cuts the text by the rule of texts; a word that is followed by "*" is a prefix. Equal terms
  /// count once. kInvalidArgument when there is no term, more than kMaxQueryTerms, or a text longer
  /// than kMaxWordsBytes or not UTF-8.
  static Result<WordsQuery> Parse(std::string_view text);

  /// True when every term occurs in the value of any attribute.
  bool Matches(const Attributes& attributes) const;
  /// 1 to kMaxQueryTerms, in the order of the text.
  std::span<const Term> terms() const { return terms_; }

 private:
  explicit WordsQuery(std::vector<Term> terms) : terms_(std::move(terms)) {}

  std::vector<Term> terms_;
};

/// Names the rule that words are cut by: another number when this program, or the version of
/// Unicode it knows, cuts differently. What was cut under another number is to be cut again.
std::int64_t WordsRule();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_WORDS_H_
