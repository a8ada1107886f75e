// SPDX-License-Identifier: BSD-3-Clause
//
// Rules of text: UTF-8, control characters, and how a value from outside is shown in a message.
#ifndef EMBEDDINGSDB_CORE_TEXT_H_
#define EMBEDDINGSDB_CORE_TEXT_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace embeddingsdb {

/// True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool IsValidUtf8(std::string_view text);

/// True when the text holds a C0 control character or DEL.
bool HasControlCharacter(std::string_view text);

/// The text with A to Z in lower case; other letters stay as they are.
std::string AsciiLower(std::string_view text);

/// The value in double quotes for a message or a log line: quotes, backslashes, control characters
/// and invalid bytes escaped, cut after 80 bytes.
std::string Quote(std::string_view value);
/// The same, in Go's strconv.Quote syntax, without the cut: for paths and log lines.
std::string QuoteWhole(std::string_view value);

/// Joins texts and integers: Concat("row ", 3, ": ", why).
namespace text_internal {
inline std::string_view Piece(std::string_view text) {
  return text;
}
inline std::string_view Piece(const std::string& text) {
  return text;
}
inline std::string_view Piece(const char* text) {
  return text;
}
template <typename Int>
  requires std::integral<Int> && (!std::same_as<Int, bool>)
std::string Piece(Int value) {
  return std::to_string(value);
}
}  // namespace text_internal

template <typename... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  (out.append(text_internal::Piece(parts)), ...);
  return out;
}

/// The shortest decimal that reads back as the same float, as in JSON ("0.1", "1e-7", "1e+21").
/// Non-finite values read "NaN", "+Inf", "-Inf" (only messages hold those).
std::string FormatFloat(float value);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_TEXT_H_
