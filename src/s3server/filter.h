// SPDX-License-Identifier: BSD-3-Clause
//
// The filter language of QueryVectors: {"genre": "drama", "year": {"$gte": 2000}} and so on.
#ifndef EMBEDDINGSDB_S3SERVER_FILTER_H_
#define EMBEDDINGSDB_S3SERVER_FILTER_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/status.h"

#include "s3server/document.h"

namespace embeddingsdb {

/// A filter that has been read. Immutable, safe for concurrent use.
///
/// A condition on a key that a vector lacks, or on a value of another type, is false; so is `$ne`
/// and `$nin` on a key that is not there. On an array `$eq`, `$in` and comparisons are true when
/// they are for any element, `$ne` and `$nin` when they are for all.
class MetadataFilter {
 public:
  /// kInvalidArgument "Invalid filter" with the reason for anything but a filter of at least one
  /// condition and at most so many conditions and values, and "Invalid use of non-filterable
  /// metadata in filter".
  static Result<MetadataFilter> Parse(const Document& filter,
                                      const std::vector<std::string>& not_filterable,
                                      std::size_t max_terms = kMaxS3FilterTerms);

  bool Matches(const Document& metadata) const;

  /// Keys and strings that every match has as a value, or as an element of an array: conditions
  /// that a database can answer.
  const std::vector<std::pair<std::string, std::string>>& equal_strings() const {
    return equal_strings_;
  }

 private:
  enum class Kind : std::uint8_t {
    kAnd,
    kOr,
    kEqual,
    kNotEqual,
    kGreater,
    kGreaterOrEqual,
    kLess,
    kLessOrEqual,
    kIn,
    kNotIn,
    kExists,
    kStartsWith,
  };
  struct Node {
    Kind kind = Kind::kAnd;
    std::string key = {};
    std::vector<Document> operands = {};
    std::vector<Node> children = {};
  };
  class Reader;

  static bool MatchesNode(const Node& node, const Document& metadata);
  static bool MatchesCondition(const Node& node, const Document& value);
  static bool MatchesScalar(const Node& node, const Document& value);
  void CollectEqualStrings(const Node& node);

  Node root_;
  std::vector<std::pair<std::string, std::string>> equal_strings_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_FILTER_H_
