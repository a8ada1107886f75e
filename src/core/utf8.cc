// SPDX-License-Identifier: BSD-3-Clause
#include "core/utf8.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace embeddingsdb {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Code points that a reader cannot see or that change how the rest of a line looks.
constexpr std::array kUnprintable = std::to_array<Range>({
    {0x00, 0x1F},
    {0x7F, 0xA0},
    {0xAD, 0xAD},
    {0x061C, 0x061C},
    {0x1680, 0x1680},
    {0x180E, 0x180E},
    {0x2000, 0x200F},
    {0x2028, 0x202F},
    {0x205F, 0x206F},
    {0x3000, 0x3000},
    {0xD800, 0xF8FF},
    {0xFEFF, 0xFEFF},
    {0xFFF0, 0xFFFB},
    {0xFFFE, 0xFFFF},
    {0xE0000, 0xE007F},
    {0xF0000, 0x10FFFF},
});

}  // namespace

Rune DecodeRune(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1, true};
  }

  std::size_t length = 0;
  char32_t smallest = 0;  // of this length; anything below is an overlong form
  char32_t value = 0;
  if ((lead & 0xE0U) == 0xC0) {
    length = 2, smallest = 0x80, value = lead & 0x1FU;
  } else if ((lead & 0xF0U) == 0xE0) {
    length = 3, smallest = 0x800, value = lead & 0x0FU;
  } else if ((lead & 0xF8U) == 0xF0) {
    length = 4, smallest = 0x10000, value = lead & 0x07U;
  } else {
    return {lead, 1, false};
  }
  if (text.size() < length) {
    return {lead, 1, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return {lead, 1, false};
    }
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) {
    return {lead, 1, false};
  }
  return {value, length, true};
}

bool IsPrintable(char32_t rune) {
  return std::none_of(kUnprintable.begin(), kUnprintable.end(), [rune](const Range& range) {
    return rune >= range.first && rune <= range.last;
  });
}

}  // namespace embeddingsdb
