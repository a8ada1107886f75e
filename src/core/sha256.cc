// SPDX-License-Identifier: BSD-3-Clause
#include "core/sha256.h"

#include <cstdlib>
#include <openssl/evp.h>

#include "core/hex.h"

namespace embeddingsdb {

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  // SHA-256 is in every OpenSSL; what can fail here is memory. The algorithm is looked up once:
  // later calls reuse it.
  if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
}

Digest Sha256::Of(std::string_view data) {
  return Of(std::span(&data, 1));
}

Digest Sha256::Of(std::span<const std::string_view> parts) {
  Digest digest;
  bool ok = EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1;
  for (const std::string_view part : parts) {
    ok = ok && EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1;
  }
  if (!ok || EVP_DigestFinal_ex(context_.get(), digest.bytes.data(), nullptr) != 1) {
    std::abort();  // hashing memory cannot fail; going on with a wrong hash would be worse
  }
  return digest;
}

std::string ToHex(const Digest& digest) {
  return HexOf(BytesOf(digest));
}

std::string Sha256Hex(std::string_view text) {
  return ToHex(Sha256().Of(text));
}

std::optional<Digest> DigestFromHex(std::string_view hex) {
  Digest digest;
  if (hex.size() != 2 * digest.bytes.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const int high = HexValue(hex[2 * i]);
    const int low = HexValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

}  // namespace embeddingsdb
