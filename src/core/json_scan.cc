// SPDX-License-Identifier: BSD-3-Clause
#include "core/json_scan.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/hex.h"
#include "core/text.h"
#include "core/utf8.h"

namespace embeddingsdb {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

void AppendUtf8(std::string& out, std::uint32_t rune) {
  const auto low = [rune](unsigned shift) {
    return static_cast<char>(0x80U | ((rune >> shift) & 0x3FU));
  };
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0U | (rune >> 6U));
    out += low(0);
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0U | (rune >> 12U));
    out += low(6);
    out += low(0);
  } else {
    out += static_cast<char>(0xF0U | (rune >> 18U));
    out += low(12);
    out += low(6);
    out += low(0);
  }
}

class Scanner {
 public:
  Scanner(std::string_view json, JsonEvents& events) : rest_(json), events_(events) {}

  bool Run() {
    while (Value()) {
      const std::optional<bool> more = AfterValue();
      if (!more) {
        return false;
      }
      if (!*more) {
        return rest_.empty();
      }
    }
    return false;
  }

 private:
  char Next() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool Take(char c) {
    if (Next() != c || rest_.empty()) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  void SkipSpace() {
    while (Next() == ' ' || Next() == '\n' || Next() == '\r' || Next() == '\t') {
      rest_.remove_prefix(1);
    }
  }
  /// Up to the next value that is no object and no array, or to the end of an empty one.
  bool Value();
  /// Past the brackets that close; true when another value follows, nothing when none may.
  std::optional<bool> AfterValue();
  bool MemberName();
  bool Scalar();
  bool Number();
  bool Literal(std::string_view word);
  /// Nothing when it is none. The text is that of the JSON or, with escapes, `unescaped_`.
  std::optional<std::string_view> String();
  bool Escape();
  std::optional<std::uint32_t> FourDigits();

  std::string_view rest_;
  JsonEvents& events_;
  std::string open_;  // the brackets that will close what is open
  std::string unescaped_;
};

bool Scanner::Value() {
  while (true) {
    SkipSpace();
    const char bracket = Next();
    if (bracket != '{' && bracket != '[') {
      return Scalar();
    }
    rest_.remove_prefix(1);
    const char closing = bracket == '{' ? '}' : ']';
    if (!events_.Open(bracket)) {
      return false;
    }
    SkipSpace();
    if (Take(closing)) {
      return events_.Close(closing);
    }
    open_ += closing;
    if (closing == '}' && !MemberName()) {
      return false;
    }
  }
}

std::optional<bool> Scanner::AfterValue() {
  while (true) {
    SkipSpace();
    if (open_.empty()) {
      return false;
    }
    if (Take(',')) {
      if (open_.back() == '}' && !MemberName()) {
        return std::nullopt;
      }
      return true;
    }
    const char closing = open_.back();
    if (!Take(closing) || !events_.Close(closing)) {
      return std::nullopt;
    }
    open_.pop_back();
  }
}

bool Scanner::MemberName() {
  SkipSpace();
  const std::optional<std::string_view> name = String();
  if (!name || !events_.Name(*name)) {
    return false;
  }
  SkipSpace();
  return Take(':');
}

bool Scanner::Scalar() {
  switch (Next()) {
    case '"': {
      const std::optional<std::string_view> text = String();
      return text && events_.String(*text);
    }
    case 't':
      return Literal("true");
    case 'f':
      return Literal("false");
    case 'n':
      return Literal("null");
    default:
      return Number();
  }
}

bool Scanner::Literal(std::string_view word) {
  if (!rest_.starts_with(word)) {
    return false;
  }
  rest_.remove_prefix(word.size());
  return events_.Literal(word);
}

bool Scanner::Number() {
  const std::string_view text = rest_;
  const auto digits = [this] {
    const bool any = IsDigit(Next());
    while (IsDigit(Next())) {
      rest_.remove_prefix(1);
    }
    return any;
  };
  Take('-');
  if (!Take('0') && !digits()) {
    return false;
  }
  if (Take('.') && !digits()) {
    return false;
  }
  if (Take('e') || Take('E')) {
    Take('+') || Take('-');
    if (!digits()) {
      return false;
    }
  }
  return events_.Number(text.substr(0, text.size() - rest_.size()));
}

std::optional<std::string_view> Scanner::String() {
  if (!Take('"')) {
    return std::nullopt;
  }
  bool escaped = false;
  unescaped_.clear();
  while (true) {
    std::size_t plain = 0;
    bool ascii = true;
    for (; plain < rest_.size(); ++plain) {
      const auto byte = static_cast<unsigned char>(rest_[plain]);
      if (byte < 0x20 || byte == '"' || byte == '\\') {
        break;
      }
      ascii = ascii && byte < 0x80;
    }
    const std::string_view piece = rest_.substr(0, plain);
    rest_.remove_prefix(plain);
    if (!ascii && !IsValidUtf8(piece)) {
      return std::nullopt;
    }
    if (Take('"')) {
      if (!escaped) {
        return piece;
      }
      unescaped_ += piece;
      return unescaped_;
    }
    escaped = true;
    unescaped_ += piece;
    if (!Take('\\') || !Escape()) {
      return std::nullopt;
    }
  }
}

bool Scanner::Escape() {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (const std::size_t found = kNames.find(Next()); found != std::string_view::npos) {
    rest_.remove_prefix(1);
    unescaped_ += kMeanings[found];
    return true;
  }
  std::optional<std::uint32_t> rune = Take('u') ? FourDigits() : std::nullopt;
  if (!rune || (*rune >= 0xDC00 && *rune < 0xE000)) {
    return false;
  }
  if (*rune >= 0xD800 && *rune < 0xDC00) {  // the first half of a pair
    const auto second = Take('\\') && Take('u') ? FourDigits() : std::nullopt;
    if (!second || *second < 0xDC00 || *second >= 0xE000) {
      return false;
    }
    rune = 0x10000 + ((*rune - 0xD800) << 10U) + (*second - 0xDC00);
  }
  AppendUtf8(unescaped_, *rune);
  return true;
}

std::optional<std::uint32_t> Scanner::FourDigits() {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = rest_.empty() ? -1 : HexValue(rest_.front());
    if (digit < 0) {
      return std::nullopt;
    }
    value = value * 16 + static_cast<std::uint32_t>(digit);
    rest_.remove_prefix(1);
  }
  return value;
}

}  // namespace

bool ScanJson(std::string_view json, JsonEvents& events) {
  return Scanner(json, events).Run();
}

}  // namespace embeddingsdb
