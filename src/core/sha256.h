// SPDX-License-Identifier: BSD-3-Clause
//
// SHA-256, and hexadecimal digits.
#ifndef EMBEDDINGSDB_CORE_SHA256_H_
#define EMBEDDINGSDB_CORE_SHA256_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace embeddingsdb {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
};

/// Hashes one text after the other with one context. One thread at a time.
class Sha256 {
 public:
  Sha256();

  Digest Of(std::string_view data);
  /// Of the concatenation.
  Digest Of(std::span<const std::string_view> parts);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

inline std::string_view BytesOf(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

/// 64 hexadecimal digits in lower case.
std::string ToHex(const Digest& digest);
/// ToHex of the hash of one text.
std::string Sha256Hex(std::string_view text);
/// Reads ToHex's form, in either case; nothing when it is another text.
std::optional<Digest> DigestFromHex(std::string_view hex);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_SHA256_H_
