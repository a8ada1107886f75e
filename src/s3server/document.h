// SPDX-License-Identifier: BSD-3-Clause
//
// Document: a JSON value as the protocol has it: bodies of requests, metadata, filters.
#ifndef EMBEDDINGSDB_S3SERVER_DOCUMENT_H_
#define EMBEDDINGSDB_S3SERVER_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A value type. Numbers keep the text they were written in, so that metadata comes back as it was
/// given.
struct Document {
  enum class Kind : std::uint8_t {
    kNull,
    kBoolean,
    kNumber,
    kString,
    kArray,
    kObject,
    kFloats,  ///< the array of a vector, see ParseBody
  };
  using Member = std::pair<std::string, Document>;

  static Document Boolean(bool value);
  static Document Number(std::int64_t value);
  static Document String(std::string_view value);
  static Document Array(std::vector<Document> items = {});
  static Document Object(std::vector<Member> members = {});
  /// An array of strings.
  static Document Strings(const std::vector<std::string>& values);

  /// The member of an object, or null.
  const Document* Find(std::string_view name) const;
  /// Adds a member, or replaces it: of several with one name the last counts.
  void Set(std::string_view name, Document value);

  bool IsString() const { return kind == Kind::kString; }
  bool IsNumber() const { return kind == Kind::kNumber; }
  bool IsBoolean() const { return kind == Kind::kBoolean; }
  bool IsArray() const { return kind == Kind::kArray; }
  bool IsObject() const { return kind == Kind::kObject; }

  Kind kind = Kind::kNull;
  bool boolean = false;   ///< kBoolean; kFloats: true when an element is no finite float32
  double number = 0;      ///< kNumber
  std::string text = {};  ///< kString; kNumber: as it was written
  std::vector<Document> items = {};  ///< kArray
  std::vector<Member> members = {};  ///< kObject, distinct names in their order
  std::vector<float> floats = {};    ///< kFloats, each rounded once from its decimal text

  bool operator==(const Document&) const = default;
};

/// A JSON text. kInvalidArgument for anything that is none: a lone surrogate, invalid UTF-8, more
/// than kMaxJsonDepth levels.
Result<Document> ParseDocument(std::string_view json);

/// The same for the body of a request, where `queryVector.float32` and `vectors[].data.float32` are
/// read as kFloats. An empty body is an empty object; a body that is no object is an error.
Result<Document> ParseBody(std::string_view json);

/// Appends the value as JSON without spaces.
void AppendJson(std::string& out, const Document& document);
std::string ToJson(const Document& document);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_DOCUMENT_H_
