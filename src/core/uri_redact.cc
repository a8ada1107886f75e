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

/// Host, port and path as they stand. What should be a port and is no number may be a password.
std::string RedactAuthority(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) {
    return std::string(text);
  }
  const std::string_view port = text.substr(colon + 1, text.find('/', colon) - colon - 1);
  if (port.find_first_not_of("0123456789") == std::string_view::npos) {
    return std::string(text);
  }
  return Concat(text.substr(0, colon + 1), kHidden);
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
         std::any_of(kNames.begin(), kNames.end(),
                     [&lower](std::string_view end) { return lower.ends_with(end); });
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

  std::string_view rest = text.substr(colon + 3);
  const std::size_t mark = rest.find('#');
  const std::string_view tail = mark == std::string_view::npos ? "" : "#***";
  // A password with a '/', '?' or '#' in it moves its '@' elsewhere: hide up to the last one.
  const std::size_t at = rest.rfind('@');
  const bool in_query = at != std::string_view::npos && rest.find('?') < at;
  std::string out = Concat(scheme, "://", at == std::string_view::npos ? "" : "***@");
  rest = rest.substr(at == std::string_view::npos ? 0 : at + 1);
  rest = rest.substr(0, rest.find('#'));

  // Where the query begins is uncertain too, so every '?' may begin one.
  std::size_t end = rest.find_first_of("?&");
  const std::string_view first = rest.substr(0, end);
  out.append(in_query ? RedactRawPair(ignored.scheme, first, depth) : RedactAuthority(first));
  while (end != std::string_view::npos) {
    out.push_back(rest[end]);
    rest.remove_prefix(end + 1);
    end = rest.find_first_of("?&");
    out.append(RedactRawPair(ignored.scheme, rest.substr(0, end), depth));
  }
  return out.append(tail);
}

}  // namespace uri_internal

std::string RedactUri(std::string_view text) {
  return uri_internal::RedactNested(text, 0);
}

}  // namespace embeddingsdb
