// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_CORE_BASE64_H_
#define EMBEDDINGSDB_CORE_BASE64_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embeddingsdb {

/// All that a text in base64 is made of (RFC 4648, section 4): the digits, and what fills it up.
constexpr std::string_view kBase64Characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

/// Four digits for each three bytes, `=` where the last bytes are fewer.
inline void AppendBase64(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = (bits << 8) | (j < group.size() ? static_cast<unsigned char>(group[j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= group.size() ? kBase64Characters[(bits >> (18 - 6 * j)) & 63U] : '=';
    }
  }
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_BASE64_H_
