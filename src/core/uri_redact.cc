// SPDX-License-Identifier: BSD-3-Clause
//
// URIs without their secrets. In doubt too much is hidden: a text that does not parse may have a
// password where no one expects it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/uri.h"

#include "core/text.h"
#include "core/uri_parts.h"

namespace embeddingsdb {
namespace uri_internal {
namespace {

constexpr std::string_view kHidden = "***";
constexpr int kMaxNesting = 8;

std::string RedactNested(std::string_view text, int depth) {
  if (text.find("://") == std::string_view::npos || text.size() > kMaxUriBytes ||
      depth > kMaxNesting) {
    return std::string(kHidden);
  }
  Parts parts;
  return ParseParts(text, parts).empty() ? RedactParts(parts, depth)
                                         : RedactUnparsable(text, depth);
}

std::string RedactValue(std::string_view scheme, std::string_view name, std::string_view value,
                        int depth) {
  if (value.empty()) {
    return {};
  }
  if (IsSecretOption(name) || (scheme == "constant" && name == "val")) {
    return std::string(kHidden);
  }
  if (value.find("://") != std::string_view::npos) {
    return RedactNested(value, depth + 1);
  }
  return std::string(value);
}

/// One name=value that has not been decoded. What is no pair may be the rest of a secret.
std::string RedactRawPair(std::string_view scheme, std::string_view pair, int depth) {
  if (pair.empty()) {
    return {};
  }
  const std::size_t equals = pair.find('=');
  std::string name;
  if (equals == std::string_view::npos || !PercentDecode(pair.substr(0, equals), true, name)) {
    return std::string(kHidden);
  }
  std::string value;
  const bool decoded = PercentDecode(pair.substr(equals + 1), true, value);
  return Concat(pair.substr(0, equals + 1),
                decoded ? RedactValue(scheme, name, value, depth) : std::string(kHidden));
}

/// "user:***" keeps the name; without a colon the whole may be a token.
std::string RedactUserinfo(std::string_view userinfo) {
  const std::size_t colon = userinfo.find(':');
  if (colon == std::string_view::npos) {
    return std::string(kHidden);
  }
  return Concat(userinfo.substr(0, colon + 1), kHidden);
}

/// Escapes only what would be read differently, to stay readable.
std::string EncodeForPeople(std::string_view text, std::string_view marks) {
  std::string out;
  for (const char c : text) {
    if (marks.find(c) == std::string_view::npos) {
      out.push_back(c);
    } else {
      out.append(PercentEncode(std::string_view(&c, 1)));
    }
  }
  return out;
}

}  // namespace

bool IsSecretOption(std::string_view name) {
  std::string lower = AsciiLower(name);
  std::replace(lower.begin(), lower.end(), '_', '-');
  constexpr auto kParts =
      std::to_array<std::string_view>({"token", "credential", "password", "passwd", "secret"});
  constexpr auto kNames = std::to_array<std::string_view>({"key-uri", "signer-uri", "api-key"});
  return std::any_of(kParts.begin(), kParts.end(),
                     [&lower](std::string_view part) { return lower.find(part) != lower.npos; }) ||
         std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

std::string RedactParts(const Parts& parts, int depth) {
  std::string out = Concat(parts.scheme, "://");
  if (!parts.userinfo.empty()) {
    out.append(RedactUserinfo(parts.userinfo)).append("@");
  }
  out.append(Authority(parts));
  out.append(EncodeForPeople(parts.path, "%?# "));
  char separator = '?';
  for (const auto& [name, value] : parts.options) {
    out.push_back(separator);
    separator = '&';
    out.append(EncodeForPeople(name, "%&#+= ")).append("=");
    out.append(EncodeForPeople(RedactValue(parts.scheme, name, value, depth), "%&#+ "));
  }
  return out;
}

std::string RedactUnparsable(std::string_view text, int depth) {
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, std::min(colon, text.size()));
  Parts ignored;
  const bool has_scheme =
      colon != std::string_view::npos && ParseParts(Concat(scheme, "://"), ignored).empty();
  if (!has_scheme || depth > kMaxNesting) {
    return std::string(kHidden);
  }

  std::string out = Concat(scheme, "://");
  std::string_view rest = text.substr(colon + 3);
  // A password with a '/' or '?' in it moves the '@' out of the authority: hide up to the last one.
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    out.append(kHidden).append("@");
    rest.remove_prefix(at + 1);
  }
  const std::size_t mark = rest.find('#');
  const std::string_view before_mark = rest.substr(0, mark);
  const std::size_t query = before_mark.find('?');
  out.append(before_mark.substr(0, query));
  if (query != std::string_view::npos) {
    out.push_back('?');
    std::string_view pairs = before_mark.substr(query + 1);
    for (std::size_t end = pairs.find('&'); end != std::string_view::npos; end = pairs.find('&')) {
      out.append(RedactRawPair(ignored.scheme, pairs.substr(0, end), depth)).append("&");
      pairs.remove_prefix(end + 1);
    }
    out.append(RedactRawPair(ignored.scheme, pairs, depth));
  }
  return mark == std::string_view::npos ? out : out.append("#").append(kHidden);
}

}  // namespace uri_internal

std::string RedactUri(std::string_view text) {
  return uri_internal::RedactNested(text, 0);
}

}  // namespace embeddingsdb
