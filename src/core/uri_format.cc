// SPDX-License-Identifier: BSD-3-Clause
#include "core/uri_format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/text.h"
#include "core/utf8.h"

namespace embeddingsdb {
namespace {

// In which parts of a URI a character may stand for itself.
enum Part : std::uint8_t {
  kAlpha = 1U << 0U,
  kHex = 1U << 1U,
  kScheme = 1U << 2U,
  kHost = 1U << 3U,
  kUserinfo = 1U << 4U,
  kPath = 1U << 5U,
  kQuery = 1U << 6U,  // and fragment
};

constexpr void Allow(std::array<std::uint8_t, 256>& table, std::string_view characters,
                     unsigned parts) {
  for (const char c : characters) {
    table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(parts);
  }
}

// A table, because a data: URI can be long.
constexpr std::array<std::uint8_t, 256> MakeTable() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr unsigned kAnywhere = kHost | kUserinfo | kPath | kQuery;
  std::array<std::uint8_t, 256> table{};
  Allow(table, kLetters, kAnywhere | kAlpha | kScheme);
  Allow(table, "0123456789", kAnywhere | kScheme | kHex);
  Allow(table, "abcdefABCDEF", kHex);
  Allow(table, "-._~!$&'()*+,;=", kAnywhere);
  Allow(table, "+-.", kScheme);
  Allow(table, ":", kUserinfo | kPath | kQuery);
  Allow(table, "@/", kPath | kQuery);
  Allow(table, "?", kQuery);
  return table;
}

bool Is(char c, Part part) {
  static constexpr std::array<std::uint8_t, 256> kTable = MakeTable();
  return (kTable[static_cast<unsigned char>(c)] & part) != 0;
}

bool AreAll(std::string_view text, Part part) {
  return std::ranges::all_of(text, [part](char c) { return Is(c, part); });
}

/// What is wrong with the characters of one part, if anything.
std::string Fault(std::string_view text, Part part) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (Is(text[i], part)) {
      continue;
    }
    const std::string_view escape = text.substr(i + 1, 2);
    if (text[i] != '%') {
      const Rune rune = DecodeRune(text.substr(i));
      return Concat("holds ", Quote(text.substr(i, rune.length)),
                    ", which must be percent-encoded there");
    }
    if (escape.size() < 2 || !AreAll(escape, kHex)) {
      return Concat("has the bad percent escape ", Quote(text.substr(i, 3)));
    }
    i += 2;
  }
  return {};
}

/// [user@]host[:port]; the host may be an address in brackets.
std::string AuthorityFault(std::string_view text, bool needs_host) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (std::string fault = Fault(text.substr(0, at), kUserinfo); !fault.empty()) {
      return fault;
    }
    text.remove_prefix(at + 1);
  }
  std::size_t end = text.find(':');
  std::string fault;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos) {
      return "has a '[' without ']' in its host";
    }
    const std::string_view address = text.substr(1, end - 1);
    if (address.find(':') == std::string_view::npos) {
      return "has no address between the brackets of its host";
    }
    fault = Fault(address, kUserinfo);
    ++end;
  } else {
    end = std::min(end, text.size());
    fault = Fault(text.substr(0, end), kHost);
  }
  if (!fault.empty()) {
    return fault;
  }
  if (needs_host && end == 0) {
    return "has no host";
  }
  const std::string_view port = text.substr(end);
  const bool is_port =
      port.starts_with(':') && port.find_first_not_of("0123456789", 1) == std::string_view::npos;
  if (!port.empty() && !is_port) {
    return Concat("has ", Quote(port), " after its host, which is no port");
  }
  return {};
}

}  // namespace

std::string UriFault(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !Is(text[0], kAlpha) ||
      !AreAll(text.substr(0, colon), kScheme)) {
    return "has no scheme, as in https://example.org/";
  }
  const std::string scheme = AsciiLower(text.substr(0, colon));
  const bool needs_host = scheme == "http" || scheme == "https";
  text.remove_prefix(colon + 1);

  if (const std::size_t mark = text.find('#'); mark != std::string_view::npos) {
    if (std::string fault = Fault(text.substr(mark + 1), kQuery); !fault.empty()) {
      return fault;
    }
    text = text.substr(0, mark);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    if (std::string fault = Fault(text.substr(mark + 1), kQuery); !fault.empty()) {
      return fault;
    }
    text = text.substr(0, mark);
  }
  if (!text.starts_with("//")) {
    return needs_host ? "has no host" : Fault(text, kPath);
  }
  text.remove_prefix(2);
  const std::string_view authority = text.substr(0, text.find('/'));
  if (std::string fault = AuthorityFault(authority, needs_host); !fault.empty()) {
    return fault;
  }
  return Fault(text.substr(authority.size()), kPath);
}

}  // namespace embeddingsdb
