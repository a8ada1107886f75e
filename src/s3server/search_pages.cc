// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/search_pages.h"

#include <openssl/evp.h>
#include <utility>

namespace embeddingsdb {
namespace {

constexpr std::size_t kMaxKept = 32;           // 10,000 results take about 2 MB
constexpr std::int64_t kKeptSeconds = 5 * 60;  // "several minutes", says the service

}  // namespace

std::string ToToken(std::string_view place) {
  std::string out((place.size() + 2) / 3 * 4, '\0');
  std::vector<unsigned char> buffer(out.size() + 1);
  EVP_EncodeBlock(buffer.data(), reinterpret_cast<const unsigned char*>(place.data()),
                  static_cast<int>(place.size()));
  out.assign(buffer.begin(), buffer.end() - 1);
  return out;
}

Result<std::string> FromToken(std::string_view token) {
  std::vector<unsigned char> buffer((token.size() / 4 * 3) + 1);
  const int size =
      token.size() % 4 != 0
          ? -1
          : EVP_DecodeBlock(buffer.data(), reinterpret_cast<const unsigned char*>(token.data()),
                            static_cast<int>(token.size()));
  if (size < 0) {
    return InvalidArgumentError("Invalid nextToken");
  }
  std::size_t length = static_cast<std::size_t>(size);
  // OpenSSL counts what stands for nothing.
  for (std::size_t i = token.size(); i > 0 && token[i - 1] == '=' && length > 0; --i) {
    --length;
  }
  return std::string(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length));
}

SearchPages::Answer SearchPages::Find(const std::string& search, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  for (const Kept& kept : kept_) {
    if (kept.search == search && now < kept.until) {
      return kept.answer;
    }
  }
  return nullptr;
}

void SearchPages::Keep(const std::string& search, Answer answer, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  kept_.remove_if([&](const Kept& kept) { return kept.search == search || now >= kept.until; });
  kept_.push_front({search, std::move(answer), now + kKeptSeconds});
  if (kept_.size() > kMaxKept) {
    kept_.pop_back();
  }
}

}  // namespace embeddingsdb
