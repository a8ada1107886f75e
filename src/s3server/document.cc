// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/document.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "embeddingsdb/limits.h"

#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

/// A text on its way through the parser.
struct Input {
  const char* next;
  const char* end;
};

/// What the parser reads from. All copies are at one place, so that the builder can go on by
/// itself; one without input is the end.
class InputIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  explicit InputIterator(Input* input = nullptr) : input_(input) {}
  char operator*() const { return *input_->next; }
  InputIterator& operator++() {
    ++input_->next;
    return *this;
  }
  InputIterator operator++(int) {
    ++input_->next;
    return *this;
  }
  bool operator==(const InputIterator& other) const { return AtEnd() == other.AtEnd(); }

 private:
  bool AtEnd() const { return input_ == nullptr || input_->next == input_->end; }

  Input* input_;
};

const char* SkipDigits(const char* at, const char* end) {
  return std::find_if(at, end, [](char c) { return c < '0' || c > '9'; });
}

const char* SkipSpace(const char* at, const char* end) {
  return std::find_if(at, end,
                      [](char c) { return c != ' ' && c != '\n' && c != '\r' && c != '\t'; });
}

/// The end of the number of JSON that begins here; `begin` when there is none.
const char* EndOfNumber(const char* begin, const char* end) {
  const char* const digits = begin != end && *begin == '-' ? begin + 1 : begin;
  const char* at = SkipDigits(digits, end);
  if (at == digits || (*digits == '0' && at - digits > 1)) {
    return begin;
  }
  if (at != end && *at == '.') {
    const char* const fraction = at + 1;
    at = SkipDigits(fraction, end);
    if (at == fraction) {
      return begin;
    }
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    const char* exponent = at + 1;
    exponent += exponent != end && (*exponent == '+' || *exponent == '-') ? 1 : 0;
    at = SkipDigits(exponent, end);
    if (at == exponent) {
      return begin;
    }
  }
  return at;
}

/// Reads the elements of an array up to its bracket when all are numbers that a float32 can hold,
/// as they nearly always are: the parser would copy each into a buffer and convert it twice. Else
/// reads nothing, and the parser says what is wrong.
void ReadPlainFloats(Input& input, std::vector<float>& floats) {
  const char* at = input.next;
  while (true) {
    const char* const begin = SkipSpace(at, input.end);
    const char* const end = EndOfNumber(begin, input.end);
    float element = 0;
    const char* const next = SkipSpace(end, input.end);
    if (begin == end || next == input.end || (*next != ',' && *next != ']') ||
        std::from_chars(begin, end, element).ec != std::errc()) {
      floats.clear();
      return;
    }
    floats.push_back(element);
    if (*next == ']') {
      input.next = next;
      return;
    }
    at = next + 1;
  }
}

/// Builds the tree of a text. nlohmann's own would hold each number of a vector as a value of 16
/// bytes and round it twice.
class Builder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  Builder(Input& input, bool vectors) : input_(input), begin_(input.next), vectors_(vectors) {}

  // The callbacks of nlohmann::json::sax_parse; false stops it.
  bool null() { return InFloats() ? BadFloat() : Add({}); }
  bool boolean(bool value) { return InFloats() ? BadFloat() : Add(Document::Boolean(value)); }
  bool number_integer(number_integer_t value) {
    return Whole(value, value == 0 ? "-0" : std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) { return Whole(value, std::to_string(value)); }
  bool number_float(number_float_t value, const string_t& text);
  bool string(string_t& value) { return InFloats() ? BadFloat() : Add(Document::String(value)); }
  bool binary(binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*elements*/) { return Open(Document::Kind::kObject); }
  bool key(string_t& name) {
    open_.back().name = name;
    return true;
  }
  bool end_object() { return Close(); }
  bool start_array(std::size_t /*elements*/) {
    if (!IsVector()) {
      return Open(Document::Kind::kArray);
    }
    const bool opened = Open(Document::Kind::kFloats);
    if (opened) {
      ReadPlainFloats(input_, open_.back().document->floats);
    }
    return opened;
  }
  bool end_array() { return Close(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    // The parser counts what it has read itself.
    status_ = InvalidArgumentError(Concat("the text is no JSON at byte ", input_.next - begin_));
    return false;
  }

  Document& document() { return root_; }
  const Status& status() const { return status_; }

 private:
  struct Level {
    Document* document;
    std::string name;  // of the member being read
  };

  bool InFloats() const {
    return !open_.empty() && open_.back().document->kind == Document::Kind::kFloats;
  }
  bool BadFloat() {
    open_.back().document->boolean = true;
    open_.back().document->floats.push_back(0);
    return true;
  }
  bool AddFloat(float value) {
    open_.back().document->boolean |= !std::isfinite(value);
    open_.back().document->floats.push_back(value);
    return true;
  }
  template <typename Int>
  bool Whole(Int value, std::string text) {
    if (InFloats()) {
      return AddFloat(text == "-0" ? -0.0F : static_cast<float>(value));
    }
    return Add({.kind = Document::Kind::kNumber,
                .number = static_cast<double>(value),
                .text = std::move(text)});
  }
  bool IsVector() const;
  Document* Place(Document value);
  bool Add(Document value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Document::Kind kind);
  bool Close() {
    open_.pop_back();
    return true;
  }

  Input& input_;
  const char* const begin_;
  const bool vectors_;
  Document root_;
  std::vector<Level> open_;  // a level's document stays where it is while those within it grow
  Status status_;
};

bool Builder::number_float(number_float_t value, const string_t& text) {
  if (!InFloats()) {
    return Add({.kind = Document::Kind::kNumber, .number = value, .text = text});
  }
  float element = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), element);
  // Too large and too small are told apart by the double.
  return AddFloat(error == std::errc() ? element : static_cast<float>(value));
}

/// True where the array of a vector begins: $.queryVector.float32, $.vectors[].data.float32.
bool Builder::IsVector() const {
  if (!vectors_ || open_.empty() || open_.back().name != "float32") {
    return false;
  }
  return (open_.size() == 2 && open_[0].name == "queryVector") ||
         (open_.size() == 4 && open_[0].name == "vectors" && open_[2].name == "data");
}

Document* Builder::Place(Document value) {
  if (open_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  Document& parent = *open_.back().document;
  if (parent.kind == Document::Kind::kObject) {
    for (auto& [name, member] : parent.members) {
      if (name == open_.back().name) {
        member = std::move(value);
        return &member;
      }
    }
    return &parent.members.emplace_back(open_.back().name, std::move(value)).second;
  }
  return &parent.items.emplace_back(std::move(value));
}

bool Builder::Open(Document::Kind kind) {
  if (open_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
    status_ = InvalidArgumentError(Concat("the JSON has more than ", kMaxJsonDepth, " levels"));
    return false;
  }
  if (InFloats()) {
    status_ = InvalidArgumentError("an element of a vector is no number");
    return false;
  }
  Document* const document = Place({.kind = kind});
  open_.push_back({.document = document, .name = {}});
  return true;
}

Result<Document> Parse(std::string_view json, bool vectors) {
  Input input{.next = json.data(), .end = json.data() + json.size()};
  Builder builder(input, vectors);
  if (!nlohmann::json::sax_parse(InputIterator(&input), InputIterator(), &builder)) {
    return builder.status().ok() ? InvalidArgumentError("the text is no JSON") : builder.status();
  }
  return std::move(builder.document());
}

}  // namespace

Document Document::Boolean(bool value) {
  return {.kind = Kind::kBoolean, .boolean = value};
}

Document Document::Number(std::int64_t value) {
  return {
      .kind = Kind::kNumber, .number = static_cast<double>(value), .text = std::to_string(value)};
}

Document Document::String(std::string_view value) {
  return {.kind = Kind::kString, .text = std::string(value)};
}

Document Document::Array(std::vector<Document> items) {
  return {.kind = Kind::kArray, .items = std::move(items)};
}

Document Document::Object(std::vector<Member> members) {
  return {.kind = Kind::kObject, .members = std::move(members)};
}

Document Document::Strings(const std::vector<std::string>& values) {
  Document out = Array();
  for (const std::string& value : values) {
    out.items.push_back(String(value));
  }
  return out;
}

const Document* Document::Find(std::string_view name) const {
  const auto found =
      std::ranges::find(members, name, [](const Member& member) { return member.first; });
  return found == members.end() ? nullptr : &found->second;
}

void Document::Set(std::string_view name, Document value) {
  for (auto& [known, member] : members) {
    if (known == name) {
      member = std::move(value);
      return;
    }
  }
  members.emplace_back(name, std::move(value));
}

Result<Document> ParseDocument(std::string_view json) {
  return Parse(json, false);
}

Result<Document> ParseBody(std::string_view json) {
  if (json.empty()) {
    return Document::Object();
  }
  EDB_ASSIGN(Document body, Parse(json, true));
  if (!body.IsObject()) {
    return InvalidArgumentError("the body is no JSON object");
  }
  return body;
}

void AppendJson(std::string& out, const Document& document) {
  switch (document.kind) {
    case Document::Kind::kNull:
      out += "null";
      break;
    case Document::Kind::kBoolean:
      out += document.boolean ? "true" : "false";
      break;
    case Document::Kind::kNumber:
      out += document.text;
      break;
    case Document::Kind::kString:
      AppendJsonString(out, document.text);
      break;
    case Document::Kind::kFloats:
      out += FloatsToJson(document.floats);
      break;
    case Document::Kind::kArray:
      out += '[';
      for (const Document& item : document.items) {
        out += &item == document.items.data() ? "" : ",";
        AppendJson(out, item);
      }
      out += ']';
      break;
    case Document::Kind::kObject:
      out += '{';
      for (const auto& member : document.members) {
        out += &member == document.members.data() ? "" : ",";
        AppendJsonString(out, member.first);
        out += ':';
        AppendJson(out, member.second);
      }
      out += '}';
      break;
  }
}

std::string ToJson(const Document& document) {
  std::string out;
  AppendJson(out, document);
  return out;
}

}  // namespace embeddingsdb
