// SPDX-License-Identifier: BSD-3-Clause
#include "embedders/embedder_answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr auto kErrorPlaces =
    std::to_array<std::string_view>({"error", "error.message", "message", "detail"});

/// The float nearest to a decimal; nothing when it is too large for one.
std::optional<float> FloatOf(double rounded, const std::string& text) {
  float value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && std::fabs(rounded) < 1) {
    return 0.0F;
  }
  return error == std::errc() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

class Reader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Reader(const AnswerShape& shape) : shape_(shape), found_(shape.vectors.size()) {}

  // The callbacks of nlohmann::json::sax_parse; false stops it.
  bool null() { return !place_ || WrongElement("null"); }
  bool boolean(bool) { return !place_ || WrongElement("a boolean"); }
  bool number_integer(number_integer_t value) { return AddElement(static_cast<float>(value)); }
  bool number_unsigned(number_unsigned_t value) { return AddElement(static_cast<float>(value)); }
  bool number_float(number_float_t value, const string_t& text) {
    if (!place_) {
      return true;
    }
    const std::optional<float> element = FloatOf(value, text);
    return element ? AddElement(*element) : WrongElement(Quote(text));
  }
  bool string(string_t& value);
  bool binary(binary_t&) { return Fail("binary data"); }
  bool start_object(std::size_t) { return !place_ ? Enter("") : WrongElement("an object"); }
  bool key(string_t& name);
  bool end_object() { return Leave(); }
  bool start_array(std::size_t) { return Enter("[]"); }
  bool end_array() { return Leave(); }
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error);

  const Status& status() const { return status_; }
  EmbedderAnswer Take();
  std::string error;

 private:
  bool Fail(std::string message) {
    status_ = InternalError(std::move(message));
    return false;
  }
  bool WrongElement(std::string_view what);
  bool AddElement(float value);
  bool Enter(std::string_view step);
  bool Leave();
  void Arrive();

  const AnswerShape& shape_;
  std::string path_;
  std::vector<std::size_t> lengths_;  // of the path, outside of each thing that we are in
  std::optional<std::size_t> place_;  // which of shape_.vectors the path is
  bool in_vector_ = false;            // the last vector of that place is the one that grows
  std::vector<std::vector<std::vector<float>>> found_;  // by place
  std::string model_;
  Status status_;
};

void Reader::Arrive() {
  const auto at = std::find(shape_.vectors.begin(), shape_.vectors.end(), path_);
  place_ = at == shape_.vectors.end()
               ? std::nullopt
               : std::optional(static_cast<std::size_t>(at - shape_.vectors.begin()));
  in_vector_ = false;
}

bool Reader::Enter(std::string_view step) {
  if (lengths_.size() == static_cast<std::size_t>(kMaxJsonDepth)) {
    return Fail(Concat("the answer is nested deeper than ", kMaxJsonDepth, " levels"));
  }
  lengths_.push_back(path_.size());
  path_.append(step);
  Arrive();
  return true;
}

bool Reader::Leave() {
  path_.resize(lengths_.back());
  lengths_.pop_back();
  Arrive();
  return true;
}

bool Reader::key(string_t& name) {
  path_.resize(lengths_.back());
  path_.append(path_.empty() ? "" : ".").append(name);
  Arrive();
  return true;
}

bool Reader::WrongElement(std::string_view what) {
  const std::size_t before = place_ && in_vector_ ? found_[*place_].back().size() : 0;
  return Fail(Concat("the answer has ", what, " in ", path_, " after ", before,
                     " elements, it must be a finite 32-bit number"));
}

bool Reader::AddElement(float value) {
  if (!place_) {
    return true;
  }
  auto& vectors = found_[*place_];
  if (!std::exchange(in_vector_, true)) {
    vectors.emplace_back();
  }
  if (vectors.back().size() == static_cast<std::size_t>(kMaxDimension)) {
    return Fail(Concat("the answer's vector has more elements than the limit of ", kMaxDimension));
  }
  vectors.back().push_back(value);
  return true;
}

bool Reader::string(string_t& value) {
  if (place_) {
    return WrongElement("a string");
  }
  if (path_ == shape_.model) {
    model_ = std::move(value);
    return true;
  }
  const std::string inside = Concat(path_, "[]");
  if (std::find(shape_.vectors.begin(), shape_.vectors.end(), inside) != shape_.vectors.end()) {
    return Fail(Concat("the answer has a string as ", path_, ", it must be a list of numbers"));
  }
  if (error.empty() &&
      std::find(kErrorPlaces.begin(), kErrorPlaces.end(), path_) != kErrorPlaces.end()) {
    error = std::move(value);
  }
  return true;
}

bool Reader::parse_error(std::size_t position, const std::string& token,
                         const nlohmann::detail::exception& error_of_parser) {
  // 406: a number too large for a double.
  if (error_of_parser.id == 406) {
    return !place_ ? Fail(Concat("the answer has the number ", Quote(token)))
                   : WrongElement(Quote(token));
  }
  return Fail(Concat("the answer is no whole JSON: byte ", position, ", near ", Quote(token)));
}

EmbedderAnswer Reader::Take() {
  EmbedderAnswer answer{.vectors = {}, .model = std::move(model_)};
  for (auto& vectors : found_) {
    if (!vectors.empty()) {
      answer.vectors = std::move(vectors);
      return answer;
    }
  }
  return answer;
}

}  // namespace

Result<EmbedderAnswer> ReadAnswer(std::string_view json, const AnswerShape& shape) {
  // The parser takes a NUL for the end and would not look at what follows.
  if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos) {
    return InternalError(Concat("the answer is no JSON: byte ", nul + 1, " is a NUL"));
  }
  Reader reader(shape);
  const bool complete = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  EDB_TRY(reader.status());
  if (!complete) {
    return InternalError("the JSON parser stopped without a reason");
  }
  EmbedderAnswer answer = reader.Take();
  if (answer.vectors.size() > 1 && !shape.many) {
    return InternalError(
        Concat("the answer has ", answer.vectors.size(), " vectors, it must have 1"));
  }
  if (!answer.vectors.empty()) {
    return answer;
  }
  if (!reader.error.empty()) {
    return InternalError(Concat("it says ", Quote(reader.error)));
  }
  return InternalError(Concat("the answer has no vector at ", shape.vectors.front()));
}

std::string ErrorOfAnswer(std::string_view json) {
  const AnswerShape shape;
  Reader reader(shape);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  return reader.error;
}

}  // namespace embeddingsdb
