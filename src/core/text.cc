// SPDX-License-Identifier: BSD-3-Clause
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kQuoteBytes = 80;

void AppendHex(std::string& out, char32_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out.push_back(kDigits[(value >> static_cast<unsigned>(shift)) & 0xFU]);
  }
}

/// The letter of Go's short escapes, or 0.
char ShortEscape(char32_t rune) {
  constexpr std::string_view kLetters = "abtnvfr";  // U+0007 to U+000D in order
  if (rune >= 0x07 && rune <= 0x0D) {
    return kLetters[rune - 0x07];
  }
  if (rune == '"' || rune == '\\') {
    return static_cast<char>(rune);
  }
  return 0;
}

void AppendQuotedRune(std::string& out, const Rune& rune, std::string_view bytes) {
  if (const char letter = ShortEscape(rune.value); rune.valid && letter != 0) {
    out.push_back('\\');
    out.push_back(letter);
  } else if (!rune.valid || rune.value < ' ' || rune.value == 0x7F) {
    out.append("\\x");
    AppendHex(out, rune.value, 2);
  } else if (IsPrintable(rune.value)) {
    out.append(bytes);
  } else if (rune.value < 0x10000) {
    out.append("\\u");
    AppendHex(out, rune.value, 4);
  } else {
    out.append("\\U");
    AppendHex(out, rune.value, 8);
  }
}

/// Text from people is mostly ASCII, so it pays to look at eight bytes at once.
bool StartsWithEightAscii(std::string_view text) {
  std::uint64_t block = 0;
  if (text.size() < sizeof block) {
    return false;
  }
  std::memcpy(&block, text.data(), sizeof block);
  return (block & 0x8080808080808080U) == 0;
}

std::string QuoteUpTo(std::string_view value, std::size_t limit) {
  std::string out;
  out.reserve(std::min(value.size(), limit) + 8);
  out.push_back('"');
  std::size_t i = 0;
  while (i < value.size()) {
    const Rune rune = DecodeRune(value.substr(i));
    if (i + rune.length > limit) {
      break;
    }
    AppendQuotedRune(out, rune, value.substr(i, rune.length));
    i += rune.length;
  }
  out.push_back('"');
  if (i < value.size()) {
    out.append("...");
  }
  return out;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (StartsWithEightAscii(text.substr(i))) {
      i += 8;
      continue;
    }
    const Rune rune = DecodeRune(text.substr(i));
    if (!rune.valid) {
      return false;
    }
    i += rune.length;
  }
  return true;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return lower;
}

std::string Quote(std::string_view value) {
  return QuoteUpTo(value, kQuoteBytes);
}

std::string QuoteWhole(std::string_view value) {
  return QuoteUpTo(value, value.size());
}

std::string FormatFloat(float value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "+Inf" : "-Inf";
  }

  // The shortest digits come as d.ddde+XX; Go's layout rule for JSON puts the point elsewhere.
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value),
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t first_digit = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + first_digit, end, exponent);
  std::string digits(1, text[0]);
  if (e > 2) {
    digits.append(text.substr(2, e - 2));
  }

  std::string out = std::signbit(value) ? "-" : "";
  const float magnitude = std::fabs(value);
  if (magnitude != 0 && (magnitude < 1e-6F || magnitude >= 1e21F)) {
    out.push_back(digits[0]);
    if (digits.size() > 1) {
      out.append(".").append(digits, 1);
    }
    return out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
  if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    return out;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    return out.append(digits).append(whole - digits.size(), '0');
  }
  return out.append(digits, 0, whole).append(".").append(digits, whole);
}

}  // namespace embeddingsdb
