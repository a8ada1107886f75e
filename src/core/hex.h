// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CORE_HEX_H_
#define EMBEDDINGSDB_CORE_HEX_H_

#include <string>
#include <string_view>

namespace embeddingsdb {

/// The value of a hexadecimal digit in either case; -1 for anything else.
constexpr int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Two digits in lower case for each byte.
inline std::string HexOf(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xFU];
  }
  return hex;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_HEX_H_
