// SPDX-License-Identifier: BSD-3-Clause
//
// Answers with vectors are long, so they are read in one pass and without a tree.
#include "engines/s3vectors/s3_answers.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/json_scan.h"
#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

using Json = nlohmann::json;

/// One rounding, whatever the length of the text. False beyond the range of a double.
bool ReadFloat(std::string_view text, float& value) {
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), end, value).ec == std::errc()) {
    return true;
  }
  double wide = 0;  // it is beyond the range of a float: zero, or infinite
  const bool read = std::from_chars(text.data(), end, wide).ec == std::errc();
  value = static_cast<float>(wide);
  return read;
}

class VectorsReader final : public JsonEvents {
 public:
  bool Open(char bracket) override {
    ++depth_;
    if (depth_ >= kMaxJsonDepth) {
      return false;
    }
    names_[static_cast<std::size_t>(depth_)].clear();
    if (depth_ == 2) {
      in_vectors_ = Name(1) == "vectors";
    } else if (in_vectors_ && depth_ == kVector && bracket == '{') {
      page_.vectors.emplace_back();
    } else if (depth_ == kMembers) {
      in_metadata_ = in_vectors_ && Name(kVector) == "metadata";
      in_data_ = in_vectors_ && Name(kVector) == "data";
    } else if (InList()) {
      list_ = bracket;
    }
    return true;
  }
  bool Close(char bracket) override {
    if (InList()) {
      Metadata() = list_ + bracket;
    } else if (depth_ == kMembers) {
      in_metadata_ = in_data_ = false;
    } else if (depth_ == 2) {
      in_vectors_ = false;
    }
    --depth_;
    return true;
  }
  bool Name(std::string_view name) override {
    names_[static_cast<std::size_t>(depth_)] = name;
    return true;
  }
  bool String(std::string_view text) override;
  bool Number(std::string_view text) override {
    if (in_data_ && depth_ == kList) {
      return ReadFloat(text, page_.vectors.back().data.emplace_back());
    }
    if (InVector() && Name(kVector) == "distance") {
      return ReadFloat(text, page_.vectors.back().distance);
    }
    return Scalar(text);
  }
  bool Literal(std::string_view text) override { return text == "null" || Scalar(text); }

  S3VectorsPage& page() { return page_; }

 private:
  // Depths: 1 the answer, 2 "vectors", 3 a vector, 4 "data" or "metadata", 5 "float32" or a list.
  static constexpr int kVector = 3;
  static constexpr int kMembers = 4;
  static constexpr int kList = 5;

  const std::string& Name(int depth) const { return names_[static_cast<std::size_t>(depth)]; }
  bool InVector() const { return in_vectors_ && depth_ == kVector; }
  bool InList() const { return in_metadata_ && depth_ == kList; }
  std::string& Metadata() { return page_.vectors.back().metadata[Name(kMembers)]; }
  bool Scalar(std::string_view text) {
    if (in_metadata_ && depth_ == kMembers) {
      Metadata() = text;
    } else if (InList()) {
      list_ += Concat(list_.size() > 1 ? "," : "", text);
    }
    return true;
  }

  int depth_ = 0;
  bool in_vectors_ = false;
  bool in_metadata_ = false;
  bool in_data_ = false;
  std::array<std::string, kMaxJsonDepth> names_;
  std::string list_;
  S3VectorsPage page_;
};

bool VectorsReader::String(std::string_view text) {
  if (depth_ == 1 && Name(1) == "nextToken") {
    page_.next_token = text;
  } else if (InVector() && Name(kVector) == "key") {
    page_.vectors.back().key = text;
  } else if (InVector() && Name(kVector) == "distance") {
    // How JSON says what is no number.
    page_.vectors.back().distance = text == "-Infinity" ? -INFINITY : INFINITY;
  } else if (InList()) {
    return Scalar(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    return Scalar(text);
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
  if (!ScanJson(json, reader)) {
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
