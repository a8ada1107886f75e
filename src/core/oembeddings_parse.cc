// SPDX-License-Identifier: BSD-3-Clause
//
// One pass over the text, with a counter in the place of recursion: what is nested deeply costs no
// stack. Where nlohmann's parser and Go's differ, the text is brought into a form before that both
// read alike.
#include "core/oembeddings_parse.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "core/utf8.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kNoField = kOEmbeddingsFields.size();
// Names are kept for "did you mean" only.
constexpr std::size_t kMaxOtherNames = 32;
constexpr std::size_t kMaxOtherNameBytes = 64;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class Reader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Reader(OEmbeddingsJson& out) : out_(out) {}

  // The callbacks of nlohmann::json::sax_parse; false stops it.
  bool null() { return Other("null"); }
  bool boolean(bool) { return Other("a boolean"); }
  bool number_integer(number_integer_t) { return Other("a number"); }
  bool number_unsigned(number_unsigned_t) { return Other("a number"); }
  bool number_float(number_float_t, const string_t&) { return Other("a number"); }
  bool string(string_t& value);
  bool binary(binary_t&) { return Other("binary data"); }
  bool start_object(std::size_t) {
    is_object_ = is_object_ || depth_ == 0;
    return Other("an object") && Enter();
  }
  bool key(string_t& name);
  bool end_object() { return Leave(); }
  bool start_array(std::size_t) { return Other("an array") && Enter(); }
  bool end_array() { return Leave(); }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error);

  bool is_object() const { return is_object_; }
  /// What the whole is when it is no object.
  std::string_view root() const { return root_; }
  /// Why the text cannot be read.
  const std::string& error() const { return error_; }

 private:
  OEmbeddingsJson::Value* Field() {
    return is_object_ && depth_ == 1 && field_ != kNoField ? &out_.values[field_] : nullptr;
  }
  bool Other(std::string_view what);
  bool Enter();
  bool Leave() {
    --depth_;
    return true;
  }
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  OEmbeddingsJson& out_;
  int depth_ = 0;
  std::size_t field_ = kNoField;  // that the value being read belongs to
  bool is_object_ = false;
  std::string_view root_;
  std::string error_;
};

bool Reader::Other(std::string_view what) {
  if (depth_ == 0) {
    root_ = what;
  }
  if (OEmbeddingsJson::Value* const value = Field(); value != nullptr) {
    value->text.clear();
    value->other = what;
  }
  return true;
}

bool Reader::string(string_t& value) {
  Other("a string");
  if (OEmbeddingsJson::Value* const field = Field(); field != nullptr) {
    field->text = std::move(value);
    field->other = {};
  }
  return true;
}

bool Reader::Enter() {
  if (depth_ == kMaxJsonDepth) {
    return Fail(Concat("JSON is nested deeper than the limit of ", kMaxJsonDepth, " levels"));
  }
  ++depth_;
  return true;
}

bool Reader::key(string_t& name) {
  if (!is_object_ || depth_ != 1) {
    return true;
  }
  const auto found = std::ranges::find(kOEmbeddingsFields, name, &OEmbeddingsField::name);
  field_ = static_cast<std::size_t>(found - kOEmbeddingsFields.begin());
  if (OEmbeddingsJson::Value* const value = Field(); value != nullptr) {
    value->repeated = std::exchange(value->given, true);
  } else if (out_.other_names.size() < kMaxOtherNames && name.size() <= kMaxOtherNameBytes) {
    out_.other_names.push_back(std::move(name));
  }
  return true;
}

bool Reader::parse_error(std::size_t position, const std::string& token,
                         const nlohmann::detail::exception& error) {
  // 406: well-formed, but Go does not read it either.
  if (error.id == 406) {
    return Fail(Concat("JSON holds ", Quote(token), ", which is not a finite 64-bit number"));
  }
  return Fail(Concat("JSON is malformed at byte ", position, ", near ", Quote(token)));
}

/// The text with U+FFFD for each byte that belongs to no character.
std::string WithoutBadBytes(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  while (!text.empty()) {
    const Rune rune = DecodeRune(text);
    out.append(rune.valid ? text.substr(0, rune.length) : kReplacement);
    text.remove_prefix(rune.length);
  }
  return out;
}

/// The UTF-16 code unit that an escape \uXXXX at the start of `text` stands for, or 0.
unsigned EscapedUnit(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.size() < 6 || !text.starts_with("\\u")) {
    return 0;
  }
  unsigned unit = 0;
  for (const char c : AsciiLower(text.substr(2, 4))) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) {
      return 0;
    }
    unit = unit * 16 + static_cast<unsigned>(digit);
  }
  return unit;
}

/// Replaces escapes that are half of a surrogate pair. True when there were any. Text that is no
/// JSON does not become JSON by it, since an escape stays an escape.
bool MendSurrogates(std::string& text) {
  bool mended = false;
  std::size_t at = text.find('\\');
  while (at != std::string::npos) {
    const std::string_view rest = std::string_view(text).substr(at);
    const unsigned unit = EscapedUnit(rest);
    std::size_t length = 2;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
      const unsigned next = EscapedUnit(rest.substr(6));
      const bool pair = unit <= 0xDBFF && next >= 0xDC00 && next <= 0xDFFF;
      length = pair ? 12 : 6;
      if (!pair) {
        text.replace(at, 6, "\\ufffd");
        mended = true;
      }
    }
    at = text.find('\\', std::min(at + length, text.size()));
  }
  return mended;
}

/// The text as Go would read it: `mended` is where it lives when it had to be changed.
std::string_view Mend(std::string_view json, std::string& mended) {
  if (!IsValidUtf8(json)) {
    mended = WithoutBadBytes(json);
    MendSurrogates(mended);
    return mended;
  }
  if (json.find("\\ud") == std::string_view::npos && json.find("\\uD") == std::string_view::npos) {
    return json;
  }
  mended = json;
  if (!MendSurrogates(mended)) {
    mended.clear();
    return json;
  }
  return mended;
}

OEmbeddingsProblem Problem(OEmbeddingsRule rule, std::string message) {
  return {.rule = rule, .severity = Severity::kError, .field = {}, .message = std::move(message)};
}

/// What the parser would overlook: it skips a byte order mark, and takes a NUL for the end.
std::string Overlooked(std::string_view json) {
  if (json.size() > kMaxJsonBytes) {
    return Concat("JSON is longer than the limit of ", kMaxJsonBytes, " bytes");
  }
  if (json.starts_with(kByteOrderMark)) {
    return "JSON is malformed at byte 1, near a byte order mark";
  }
  if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos) {
    return Concat("JSON is malformed at byte ", nul + 1, ", near a NUL");
  }
  return {};
}

}  // namespace

std::optional<OEmbeddingsProblem> ReadOEmbeddings(std::string_view json, OEmbeddingsJson& out) {
  if (std::string why = Overlooked(json); !why.empty()) {
    return Problem(OEmbeddingsRule::kJson, std::move(why));
  }
  std::string buffer;
  json = Mend(json, buffer);
  out.mended = !buffer.empty();

  Reader reader(out);
  const bool complete = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  if (!complete) {
    return Problem(OEmbeddingsRule::kJson, reader.error());
  }
  if (!reader.is_object()) {
    return Problem(OEmbeddingsRule::kObject,
                   Concat("the document is ", reader.root(), ", it must be an object"));
  }
  return std::nullopt;
}

}  // namespace embeddingsdb
