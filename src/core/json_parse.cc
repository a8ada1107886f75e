// SPDX-License-Identifier: BSD-3-Clause
//
// Reading JSON in one pass, straight into a Record. Any value that does not belong where it stands
// ends the parse at once, so nesting never gets deeper than a record's own two levels.
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/json.h"
#include "core/json_scan.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

static_assert(kMaxJsonDepth >= 2, "a record has two levels");

enum class Field : std::uint8_t {
  kNone,
  kProvider,
  kDepictionId,
  kSubjectId,
  kModel,
  kEmbeddings,
  kCreated,
  kAttributes,
};

constexpr std::array kFieldNames = std::to_array<std::string_view>({
    "",
    "provider",
    "depiction_id",
    "subject_id",
    "model",
    "embeddings",
    "created",
    "attributes",
});

/// What the whole text is to be.
enum class Root : std::uint8_t { kRecord, kEmbeddings, kAttributes };

class Reader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Reader(Root root) : root_(root) {
    if (root == Root::kEmbeddings) {
      field_ = Field::kEmbeddings;
    }
    if (root == Root::kAttributes) {
      field_ = Field::kAttributes;
    }
  }

  // The callbacks of nlohmann::json::sax_parse; false stops it.
  bool null();
  bool boolean(bool) { return Unexpected("a boolean"); }
  bool number_integer(number_integer_t value) {
    // The parser calls this for numbers with a minus only, so a zero here was written -0.
    if (value == 0 && inside_ == Inside::kEmbeddings) {
      return AddElement(-0.0F);
    }
    return Integer(value);
  }
  bool number_unsigned(number_unsigned_t value) { return Integer(value); }
  bool number_float(number_float_t value, const string_t& text);
  bool string(string_t& value);
  bool binary(binary_t&) { return Unexpected("binary data"); }
  bool start_object(std::size_t elements);
  bool key(string_t& name);
  bool end_object();
  bool start_array(std::size_t elements);
  bool end_array();
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error);

  Record& record() { return record_; }
  const Status& status() const { return status_; }

 private:
  enum class Inside : std::uint8_t { kNothing, kRecord, kEmbeddings, kAttributes };

  bool Fail(std::string message) {
    status_ = InvalidArgumentError(std::move(message));
    return false;
  }
  bool Unexpected(std::string_view what);
  std::string Where() const;
  std::string_view Wanted() const;
  bool AddElement(float value);
  template <typename Int>
  bool Integer(Int value);
  Inside Outer() const { return root_ == Root::kRecord ? Inside::kRecord : Inside::kNothing; }

  Root root_;
  Inside inside_ = Inside::kNothing;
  Field field_ = Field::kNone;
  std::array<bool, kFieldNames.size()> seen_{};
  std::string attribute_;
  Record record_;
  Status status_;
};

/// The place of the value being read, for a message.
std::string Reader::Where() const {
  if (inside_ == Inside::kEmbeddings) {
    return Concat("embeddings[", record_.embedding.size(), "]");
  }
  if (inside_ == Inside::kAttributes) {
    return Concat("attributes[", Quote(attribute_), "]");
  }
  if (field_ != Field::kNone) {
    return std::string(kFieldNames[static_cast<std::size_t>(field_)]);
  }
  return "the record";
}

std::string_view Reader::Wanted() const {
  if (inside_ == Inside::kEmbeddings) {
    return "a number";
  }
  if (inside_ == Inside::kAttributes) {
    return "a string";
  }
  switch (field_) {
    case Field::kNone:
      return "an object";
    case Field::kEmbeddings:
      return "an array of numbers";
    case Field::kCreated:
      return "a whole number of seconds";
    case Field::kAttributes:
      return "an object of strings";
    default:
      return "a string";
  }
}

bool Reader::Unexpected(std::string_view what) {
  return Fail(Concat(Where(), " is ", what, ", it must be ", Wanted()));
}

bool Reader::null() {
  // Go prints empty vectors and maps as null.
  const bool may_be_null =
      root_ == Root::kAttributes ||
      (root_ == Root::kRecord && (field_ == Field::kEmbeddings || field_ == Field::kAttributes));
  const bool inside_value = inside_ == Inside::kEmbeddings || inside_ == Inside::kAttributes;
  return (may_be_null && !inside_value) || Unexpected("null");
}

bool Reader::AddElement(float value) {
  record_.embedding.push_back(value);
  return true;
}

template <typename Int>
bool Reader::Integer(Int value) {
  if (inside_ == Inside::kEmbeddings) {
    return AddElement(static_cast<float>(value));  // one rounding
  }
  if (inside_ == Inside::kRecord && field_ == Field::kCreated) {
    if (!std::in_range<std::int64_t>(value)) {
      return Fail(Concat("created is ", value, ", which is over the limit of ",
                         std::numeric_limits<std::int64_t>::max()));
    }
    record_.created = static_cast<std::int64_t>(value);
    return true;
  }
  return Unexpected("a number");
}

bool Reader::number_float(number_float_t rounded, const string_t& text) {
  if (inside_ != Inside::kEmbeddings) {
    return Unexpected(Concat("the number ", Quote(text)));
  }
  // The parser's double is not the value: rounding twice can give a neighbouring float.
  float value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool too_small = result.ec == std::errc::result_out_of_range && std::fabs(rounded) < 1;
  if (too_small) {
    return AddElement(std::signbit(rounded) ? -0.0F : 0.0F);
  }
  if (result.ec != std::errc() || !std::isfinite(value)) {
    return Fail(Concat(Where(), " is ", Quote(text), ", which is not a finite 32-bit number"));
  }
  return AddElement(value);
}

bool Reader::string(string_t& value) {
  if (inside_ == Inside::kAttributes) {
    record_.attributes.insert_or_assign(std::move(attribute_), std::move(value));
    return true;
  }
  if (inside_ != Inside::kRecord) {
    return Unexpected("a string");
  }
  switch (field_) {
    case Field::kProvider:
      record_.key.provider = std::move(value);
      return true;
    case Field::kDepictionId:
      record_.key.depiction_id = std::move(value);
      return true;
    case Field::kSubjectId:
      record_.subject_id = std::move(value);
      return true;
    case Field::kModel:
      record_.key.model = std::move(value);
      return true;
    default:
      return Unexpected("a string");
  }
}

bool Reader::start_object(std::size_t) {
  if (inside_ == Inside::kNothing && root_ == Root::kRecord) {
    inside_ = Inside::kRecord;
    return true;
  }
  if (inside_ == Outer() && field_ == Field::kAttributes) {
    inside_ = Inside::kAttributes;
    return true;
  }
  return Unexpected("an object");
}

bool Reader::key(string_t& name) {
  if (inside_ == Inside::kAttributes) {
    if (record_.attributes.contains(name)) {
      return Fail(Concat("attributes has ", Quote(name), " twice"));
    }
    attribute_ = std::move(name);
    return true;
  }
  for (std::size_t i = 1; i < kFieldNames.size(); ++i) {
    if (kFieldNames[i] != name) {
      continue;
    }
    if (std::exchange(seen_[i], true)) {
      return Fail(Concat("field ", name, " is given twice"));
    }
    field_ = static_cast<Field>(i);
    return true;
  }
  return Fail(Concat("field ", Quote(name), " is unknown"));
}

bool Reader::end_object() {
  inside_ = inside_ == Inside::kAttributes ? Outer() : Inside::kNothing;
  return true;
}

bool Reader::start_array(std::size_t) {
  if (inside_ == Outer() && field_ == Field::kEmbeddings) {
    inside_ = Inside::kEmbeddings;
    return true;
  }
  return Unexpected("an array");
}

bool Reader::end_array() {
  inside_ = Outer();
  return true;
}

bool Reader::parse_error(std::size_t position, const std::string& token,
                         const nlohmann::detail::exception& error) {
  // 406: a number too large for a double, and so for a float too.
  if (error.id == 406) {
    return Fail(Concat(Where(), " is ", Quote(token), ", which is not a finite 32-bit number"));
  }
  return Fail(Concat("JSON is malformed at byte ", position, ", near ", Quote(token)));
}

Result<Record> Read(std::string_view json, Root root) {
  if (json.size() > kMaxJsonBytes) {
    return InvalidArgumentError(
        Concat("JSON is ", json.size(), " bytes long, the limit is ", kMaxJsonBytes));
  }
  // The parser takes a NUL for the end and would not look at what follows.
  if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos) {
    return InvalidArgumentError(Concat("JSON is malformed at byte ", nul + 1, ", near a NUL"));
  }
  Reader reader(root);
  const bool complete = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  if (!reader.status().ok()) {
    return reader.status();
  }
  if (!complete) {
    return InternalError("JSON parser stopped without a reason");
  }
  return std::move(reader.record());
}

/// An object of strings with different names, as it is stored with nearly every record. What is
/// anything else is for Reader, which says what is wrong with it.
class PlainAttributes final : public JsonEvents {
 public:
  bool Open(char bracket) override { return ++depth_ == 1 && bracket == '{'; }
  bool Close(char) override { return true; }
  bool Name(std::string_view name) override {
    const std::size_t before = attributes_.size();
    newest_ = attributes_.try_emplace(attributes_.end(), std::string(name));
    return attributes_.size() > before;
  }
  bool String(std::string_view text) override {
    if (depth_ == 1) {
      newest_->second = text;
    }
    return depth_ == 1;
  }
  bool Number(std::string_view) override { return false; }
  bool Literal(std::string_view) override { return false; }

  Attributes& attributes() { return attributes_; }

 private:
  int depth_ = 0;
  Attributes attributes_;
  Attributes::iterator newest_;
};

}  // namespace

Result<Record> RecordFromJson(std::string_view json) {
  return Read(json, Root::kRecord);
}

Result<std::vector<float>> FloatsFromJson(std::string_view json) {
  EDB_ASSIGN(Record record, Read(json, Root::kEmbeddings));
  return std::move(record.embedding);
}

Result<Attributes> AttributesFromJson(std::string_view json) {
  PlainAttributes plain;
  if (json.size() <= kMaxJsonBytes && ScanJson(json, plain)) {
    return std::move(plain.attributes());
  }
  EDB_ASSIGN(Record record, Read(json, Root::kAttributes));
  return std::move(record.attributes);
}

}  // namespace embeddingsdb
