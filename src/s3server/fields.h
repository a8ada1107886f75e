// SPDX-License-Identifier: BSD-3-Clause
//
// Fields: reads the members of a request's body and says what is wrong with them in the words of
// the service, all problems at once.
#ifndef EMBEDDINGSDB_S3SERVER_FIELDS_H_
#define EMBEDDINGSDB_S3SERVER_FIELDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "s3server/document.h"

namespace embeddingsdb {

/// One element of a ValidationException's fieldList.
struct FieldProblem {
  std::string path;  ///< "/dimension", "vectors[0].metadata"
  std::string message;

  bool operator==(const FieldProblem&) const = default;
};
using FieldList = std::vector<FieldProblem>;

/// Tags of a bucket or an index, in order.
using Tags = std::map<std::string, std::string>;

/// How long a text, or how large a number, may be; both ends included.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
  bool required = false;
};

/// Borrows body and list. A member that is null counts as absent. Readers give nothing for what is
/// absent or wrong; status() says which.
class Fields {
 public:
  Fields(const Document& body, FieldList& problems) : body_(body), problems_(problems) {}

  std::optional<std::string> String(std::string_view name, Range characters);
  std::optional<std::int64_t> Integer(std::string_view name, Range range);
  bool Flag(std::string_view name);  ///< false when absent
  /// One of the values.
  std::optional<std::string> Enum(std::string_view name, const std::vector<std::string>& values,
                                  bool required);
  /// Texts of 1 to `characters` each; `count` of them.
  std::optional<std::vector<std::string>> Strings(std::string_view name, Range count,
                                                  std::int64_t characters);
  /// An object of tags within the limits of the service.
  std::optional<Tags> TagMap(std::string_view name, bool required);
  const Document* Member(std::string_view name) const;
  /// An object or an array; null when it is absent, and a problem when it is another thing.
  const Document* MemberOf(std::string_view name, Document::Kind kind, bool required);

  /// Adds "Value at '/name' failed to satisfy constraint: `constraint`".
  void Fail(std::string_view name, std::string_view constraint);

  /// kInvalidArgument with all problems, or OK.
  Status status() const;

 private:
  void FailLength(std::string_view name, std::int64_t length, const Range& range);

  const Document& body_;
  FieldList& problems_;
};

/// Characters (code points) of a UTF-8 text.
std::int64_t CharactersOf(std::string_view text);

/// Tags are letters, numbers, spaces and some signs; an error says which one is not.
Status CheckTag(std::string_view key, std::string_view value);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_FIELDS_H_
