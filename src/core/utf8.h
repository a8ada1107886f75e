// SPDX-License-Identifier: BSD-3-Clause
//
// One code point at a time. Most code wants core/text.h.
#ifndef EMBEDDINGSDB_CORE_UTF8_H_
#define EMBEDDINGSDB_CORE_UTF8_H_

#include <cstddef>
#include <string_view>

namespace embeddingsdb {

struct Rune {
  char32_t value = 0;
  std::size_t length = 1;  ///< bytes it takes
  bool valid = false;      ///< false: one byte that starts no well-formed sequence
};

/// The first code point of `text`, which must not be empty. Like Go, an ill-formed sequence counts
/// as one bad byte and decoding resumes at the next one.
Rune DecodeRune(std::string_view text);

/// True for code points that show themselves: no controls, formats (bidirectional overrides, zero
/// width characters), private use, or spaces other than U+0020. Unassigned ones count as shown.
bool IsPrintable(char32_t rune);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_UTF8_H_
