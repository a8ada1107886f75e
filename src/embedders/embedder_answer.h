// SPDX-License-Identifier: BSD-3-Clause
//
// Vectors out of JSON answers, which are as large and as wrong as a stranger likes: read in one
// pass that keeps nothing but the vectors and two names.
#ifndef EMBEDDINGSDB_EMBEDDERS_EMBEDDER_ANSWER_H_
#define EMBEDDINGSDB_EMBEDDERS_EMBEDDER_ANSWER_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Places in an answer: names joined by dots, "[]" for the elements of an array. {"data":[
/// {"embedding":[1,2]}]} has its vector at "data[].embedding[]".
struct AnswerShape {
  std::span<const std::string_view> vectors;  ///< the first of these that is there counts
  std::string_view model = "model";           ///< a string; may be absent
  bool many = false;                          ///< more than one vector is what was asked for
};

struct EmbedderAnswer {
  std::vector<std::vector<float>> vectors;  ///< none is empty
  std::string model;
};

/// Reads an answer. kInternal, saying where and why, for what is no JSON, is nested deeper than
/// kMaxJsonDepth, has something else than finite 32-bit numbers in a vector, a vector of more than
/// kMaxDimension elements, none, or several; also what the service itself says when it answers an
/// error.
Result<EmbedderAnswer> ReadAnswer(std::string_view json, const AnswerShape& shape);

/// What an answer that tells of an error says ("error", "error.message", "message" or "detail", a
/// string); empty when it is not such an answer.
std::string ErrorOfAnswer(std::string_view json);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_EMBEDDERS_EMBEDDER_ANSWER_H_
