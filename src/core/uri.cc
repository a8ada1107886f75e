// SPDX-License-Identifier: BSD-3-Clause
//
// Parsing and writing. Reads what Go's net/url reads, but errors where Go drops or cuts silently.
#include "embeddingsdb/uri.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/status.h"

#include "core/hex.h"
#include "core/text.h"
#include "core/uri_parts.h"

namespace embeddingsdb {
namespace uri_internal {
namespace {

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsUnreserved(char c) {
  return IsAlpha(c) || IsDigit(c) || std::string_view("-._~").find(c) != std::string_view::npos;
}

std::string_view Find(std::string_view text, std::string_view marks) {
  return text.substr(0, text.find_first_of(marks));
}

/// Decodes one component and checks what it became.
std::string_view Decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  if (!PercentDecode(text, plus_is_space, out)) {
    return "has a bad percent escape";
  }
  if (!IsValidUtf8(out)) {
    return "is not valid UTF-8";
  }
  if (HasControlCharacter(out)) {
    return "holds a control character";
  }
  return {};
}

std::string_view ParseScheme(std::string_view text, std::string& scheme) {
  const bool valid =
      !text.empty() && IsAlpha(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
        return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.';
      });
  if (!valid) {
    return "has no valid scheme, as in scheme://host/path";
  }
  scheme = AsciiLower(text);
  return {};
}

std::string_view ParsePort(std::string_view text, std::optional<std::uint16_t>& port) {
  if (text.empty()) {
    return {};  // "host:" is allowed and means the default
  }
  std::uint16_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) {
    return "has a port that is not a number from 0 to 65535";
  }
  port = value;
  return {};
}

/// host[:port] or [IPv6][:port].
std::string_view ParseHost(std::string_view text, Parts& parts) {
  constexpr std::string_view kIpv6Characters = "0123456789abcdefABCDEF:.";
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return "has a '[' without ']' in its host";
    }
    const std::string_view inside = text.substr(1, close - 1);
    const std::string_view address = Find(inside, "%");  // the rest is a zone, as in fe80::1%25eth0
    if (address.find(':') == std::string_view::npos ||
        address.find_first_not_of(kIpv6Characters) != std::string_view::npos) {
      return "has no IPv6 address between the brackets of its host";
    }
    if (const std::string_view zone = inside.substr(address.size());
        !zone.empty() && !zone.starts_with("%25")) {
      return "has a zone in its host that does not begin with %25";
    }
    if (const auto wrong = Decode(inside, false, parts.host); !wrong.empty()) {
      return wrong;
    }
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) {
      return {};
    }
    if (!rest.starts_with(':')) {
      return "has text between its host and its port";
    }
    return ParsePort(rest.substr(1), parts.port);
  }
  const std::string_view host = Find(text, ":");
  if (host.find_first_of(" \"<>[]\\^`{|}") != std::string_view::npos) {
    return "has a character in its host that must be percent-encoded";
  }
  if (const auto wrong = Decode(host, false, parts.host); !wrong.empty()) {
    return wrong;
  }
  if (parts.host.find(':') != std::string::npos) {
    return "has an escaped ':' in its host";
  }
  if (host.size() == text.size()) {
    return {};
  }
  return ParsePort(text.substr(host.size() + 1), parts.port);
}

std::string_view ParseUserinfo(std::string_view text, std::string& userinfo) {
  const bool valid = std::all_of(text.begin(), text.end(), [](char c) {
    return IsUnreserved(c) || std::string_view(":!$&'()*+,;=%@").find(c) != std::string_view::npos;
  });
  if (!valid) {
    return "has a character in its user info that must be percent-encoded";
  }
  std::string decoded;
  if (const auto wrong = Decode(text, false, decoded); !wrong.empty()) {
    return wrong;
  }
  userinfo.assign(text);
  return {};
}

std::string_view ParseQuery(std::string_view text, Parts& parts) {
  while (!text.empty()) {
    const std::string_view pair = Find(text, "&");
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) {
      continue;
    }
    const std::string_view name = Find(pair, "=");
    const std::string_view value =
        name.size() == pair.size() ? std::string_view() : pair.substr(name.size() + 1);
    auto& [decoded_name, decoded_value] = parts.options.emplace_back();
    if (const auto wrong = Decode(name, true, decoded_name); !wrong.empty()) {
      return wrong;
    }
    if (const auto wrong = Decode(value, true, decoded_value); !wrong.empty()) {
      return wrong;
    }
  }
  return {};
}

/// Percent-encodes all but unreserved characters and those of `keep`.
std::string Encode(std::string_view text, std::string_view keep) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c) || keep.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]});
    }
  }
  return out;
}

}  // namespace

bool PercentDecode(std::string_view text, bool plus_is_space, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
      continue;
    }
    const bool whole = text.size() - i >= 3;
    const int high = whole ? HexValue(text[i + 1]) : -1;
    const int low = whole ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return false;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

std::string_view ParseParts(std::string_view text, Parts& parts) {
  if (HasControlCharacter(text)) {
    return "holds a control character";
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return "has no scheme, as in scheme://host/path";
  }
  if (const auto wrong = ParseScheme(text.substr(0, colon), parts.scheme); !wrong.empty()) {
    return wrong;
  }
  text.remove_prefix(colon + 3);
  // Go cuts a fragment off and forgets it, which would open another file than was named.
  if (text.find('#') != std::string_view::npos) {
    return "holds a '#', which must be written %23";
  }

  const std::string_view before_query = Find(text, "?");
  const std::string_view authority = Find(before_query, "/");
  const std::size_t at = authority.rfind('@');
  std::string_view host = authority;
  if (at != std::string_view::npos) {
    host = authority.substr(at + 1);
    const auto wrong = ParseUserinfo(authority.substr(0, at), parts.userinfo);
    if (!wrong.empty()) {
      return wrong;
    }
  }
  if (const auto wrong = ParseHost(host, parts); !wrong.empty()) {
    return wrong;
  }
  const auto wrong = Decode(before_query.substr(authority.size()), false, parts.path);
  if (!wrong.empty()) {
    return wrong;
  }
  if (before_query.size() == text.size()) {
    return {};
  }
  return ParseQuery(text.substr(before_query.size() + 1), parts);
}

std::string Authority(const Parts& parts) {
  const bool ipv6 = parts.host.find(':') != std::string::npos;
  std::string out = ipv6 ? Concat("[", Encode(parts.host, ":"), "]") : Encode(parts.host, "");
  if (parts.port) {
    out.append(Concat(":", *parts.port));
  }
  return out;
}

}  // namespace uri_internal

Result<Uri> Uri::Parse(std::string_view text) {
  if (text.size() > kMaxUriBytes) {
    return InvalidArgumentError(
        Concat("URI is ", text.size(), " bytes long, the limit is ", kMaxUriBytes));
  }
  uri_internal::Parts parts;
  if (const auto wrong = uri_internal::ParseParts(text, parts); !wrong.empty()) {
    return InvalidArgumentError(
        Concat("URI ", Quote(uri_internal::RedactUnparsable(text)), " ", wrong));
  }
  Uri uri;
  uri.scheme_ = std::move(parts.scheme);
  uri.userinfo_ = std::move(parts.userinfo);
  uri.host_ = std::move(parts.host);
  uri.port_ = parts.port;
  uri.path_ = std::move(parts.path);
  uri.options_ = std::move(parts.options);
  return uri;
}

std::string Uri::FilePath() const {
  // Without a leading slash the first name of a path sits where a host would: put it together
  // again.
  std::string out;
  if (!userinfo_.empty()) {
    uri_internal::PercentDecode(userinfo_, false, out);
    out.push_back('@');
  }
  out.append(host_);
  if (port_) {
    out.append(Concat(":", *port_));
  }
  return out.append(path_);
}

std::string Uri::Serialize() const {
  std::string out = Concat(scheme_, "://", userinfo_, userinfo_.empty() ? "" : "@");
  out.append(uri_internal::Authority({.host = host_, .port = port_}));
  out.append(uri_internal::Encode(path_, "/:@!$&'()*+,;="));
  char separator = '?';
  for (const auto& [name, value] : options_) {
    out.push_back(separator);
    separator = '&';
    out.append(PercentEncode(name)).append("=").append(PercentEncode(value));
  }
  return out;
}

std::string Uri::Redacted() const {
  return uri_internal::RedactParts({.scheme = scheme_,
                                    .userinfo = userinfo_,
                                    .host = host_,
                                    .port = port_,
                                    .path = path_,
                                    .options = options_});
}

std::string PercentEncode(std::string_view text) {
  return uri_internal::Encode(text, "");
}

}  // namespace embeddingsdb
