// SPDX-License-Identifier: BSD-3-Clause
//
// Answers with vectors are long, so they are read in one pass and without a tree.
#include "engines/s3vectors/s3_answers.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

using Json = nlohmann::json;

class VectorsReader {
 public:
  // The callbacks of nlohmann::json::sax_parse; false stops it.
  bool null() { return true; }
  bool boolean(bool value) { return Scalar(value ? "true" : "false"); }
  bool number_integer(Json::number_integer_t value) {
    // The parser calls this for numbers with a minus only, so a zero here was written -0.
    return value == 0 ? Number(-0.0F, "0")
                      : Number(static_cast<float>(value), std::to_string(value));
  }
  bool number_unsigned(Json::number_unsigned_t value) {
    return Number(static_cast<float>(value), std::to_string(value));
  }
  bool number_float(Json::number_float_t value, const std::string& text) {
    auto number = static_cast<float>(value);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return Number(number, text);
  }
  bool string(std::string& value);
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return Enter(true); }
  bool start_array(std::size_t) { return Enter(false); }
  bool end_object() { return Leave('}'); }
  bool end_array() { return Leave(']'); }
  bool key(std::string& name) {
    names_[static_cast<std::size_t>(depth_)] = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    return false;
  }

  S3VectorsPage& page() { return page_; }

 private:
  // Depths: 1 the answer, 2 "vectors", 3 a vector, 4 "data" or "metadata", 5 "float32" or a list.
  static constexpr int kVector = 3;
  static constexpr int kMembers = 4;
  static constexpr int kList = 5;

  const std::string& Name(int depth) const { return names_[static_cast<std::size_t>(depth)]; }
  bool InVectors() const { return depth_ >= 2 && Name(1) == "vectors"; }
  bool InMetadata() const {
    return InVectors() && depth_ >= kMembers && Name(kVector) == "metadata";
  }
  bool Enter(bool is_object) {
    ++depth_;
    if (depth_ >= kMaxJsonDepth) {
      return false;
    }
    names_[static_cast<std::size_t>(depth_)].clear();
    if (InVectors() && depth_ == kVector && is_object) {
      page_.vectors.emplace_back();
    }
    if (InMetadata() && depth_ == kList) {
      list_ = is_object ? "{" : "[";
    }
    return true;
  }
  bool Leave(char bracket) {
    if (InMetadata() && depth_ == kList) {
      page_.vectors.back().metadata[Name(kMembers)] = list_ + bracket;
    }
    --depth_;
    return true;
  }
  bool Scalar(const std::string& text) {
    if (InMetadata() && depth_ == kMembers) {
      page_.vectors.back().metadata[Name(kMembers)] = text;
    } else if (InMetadata() && depth_ == kList) {
      list_ += Concat(list_.size() > 1 ? "," : "", text);
    }
    return true;
  }
  bool Number(float value, const std::string& text) {
    if (InVectors() && depth_ == kList && Name(kVector) == "data") {
      page_.vectors.back().data.push_back(value);
      return true;
    }
    if (InVectors() && depth_ == kVector && Name(kVector) == "distance") {
      page_.vectors.back().distance = value;
      return true;
    }
    return Scalar(text);
  }

  int depth_ = 0;
  std::array<std::string, kMaxJsonDepth> names_;
  std::string list_;
  S3VectorsPage page_;
};

bool VectorsReader::string(std::string& value) {
  if (depth_ == 1 && Name(1) == "nextToken") {
    page_.next_token = value;
  } else if (InVectors() && depth_ == kVector && Name(kVector) == "key") {
    page_.vectors.back().key = value;
  } else if (InVectors() && depth_ == kVector && Name(kVector) == "distance") {
    // How JSON says what is no number.
    page_.vectors.back().distance = value == "-Infinity" ? -INFINITY : INFINITY;
  } else if (InMetadata() && depth_ == kList) {
    return Scalar(Json(value).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    return Scalar(value);
  }
  return true;
}

std::string StringOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Status NoAnswer(std::string_view what) {
  return InvalidArgumentError(Concat("the answer is not that of ", what));
}

}  // namespace

Result<S3VectorsPage> ParseS3Vectors(std::string_view json) {
  VectorsReader reader;
  if (!Json::sax_parse(json, &reader)) {
    return NoAnswer("GetVectors, ListVectors or QueryVectors");
  }
  return std::move(reader.page());
}

Result<S3IndexFacts> ParseS3Index(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, false);
  const auto index = answer.is_object() ? answer.find("index") : answer.end();
  if (!answer.is_object() || index == answer.end() || !index->is_object()) {
    return NoAnswer("GetIndex");
  }
  S3IndexFacts facts;
  facts.arn = StringOf(*index, "indexArn");
  const auto dimension = index->find("dimension");
  const std::string metric = StringOf(*index, "distanceMetric");
  if (dimension == index->end() || !dimension->is_number_integer() ||
      (metric != "cosine" && metric != "euclidean")) {
    return NoAnswer("GetIndex");
  }
  facts.dimension = dimension->get<int>();
  facts.metric = metric == "cosine" ? Metric::kCosine : Metric::kL2;
  const auto configuration = index->find("metadataConfiguration");
  if (configuration != index->end() && configuration->is_object()) {
    for (const Json& name : configuration->value("nonFilterableMetadataKeys", Json::array())) {
      if (name.is_string()) {
        facts.layout.non_filterable.insert(name.get<std::string>());
      }
    }
  }
  return facts;
}

Result<std::map<std::string, std::string>> ParseS3Tags(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, false);
  const auto tags = answer.is_object() ? answer.find("tags") : answer.end();
  if (!answer.is_object() || tags == answer.end() || !tags->is_object()) {
    return NoAnswer("ListTagsForResource");
  }
  std::map<std::string, std::string> read;
  for (const auto& [name, value] : tags->items()) {
    if (value.is_string()) {
      read[name] = value.get<std::string>();
    }
  }
  return read;
}

}  // namespace embeddingsdb::s3vectors
