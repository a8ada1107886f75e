// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CORE_HEX_H_
#define EMBEDDINGSDB_CORE_HEX_H_

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

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_HEX_H_
