// SPDX-License-Identifier: BSD-3-Clause
//
// What a caller asks of a Database or a Client, and the pages and reports that come back.
#ifndef EMBEDDINGSDB_QUERY_H_
#define EMBEDDINGSDB_QUERY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What records can be filtered and counted by. An enumeration, so no caller's text ever reaches
/// SQL as an identifier.
enum class Column : std::uint8_t {
  kProvider,
  kDepictionId,
  kSubjectId,
  kModel,
  kAttribute,  ///< one of the attributes, by its name
  kWords,      ///< the words of all attributes; only for filters
};

/// The name on the wire and in every engine, e.g. "depiction_id"; "attributes" and "words" for what
/// is no column of its own.
std::string_view ColumnName(Column column);
/// The inverse of ColumnName for the first four, which go-embeddingsdb has too. kInvalidArgument
/// names the unknown column and the known ones.
Result<Column> ParseColumn(std::string_view name);

/// A condition on records; several are ANDed. Columns and attributes equal the value, byte by byte:
/// an attribute that a record does not have equals nothing, not even an empty value. For kWords the
/// value is a text of which every word has to occur in the record's attributes, whatever its case
/// and accents; "fish*" stands for all words that begin so (docs/semantics.md, Words).
struct Filter {
  Column column = Column::kProvider;
  std::string value;
  std::string attribute = {};  ///< which one; only with kAttribute

  bool operator==(const Filter&) const = default;
};

/// The filter's name in a command line, in JSON and in embeddingsdb.v1: "model",
/// "attributes.subject_title", "words".
std::string FilterName(const Filter& filter);
/// The inverse of FilterName. kInvalidArgument names the unknown name and the known ones.
Result<Filter> ParseFilter(std::string_view name, std::string_view value);

/// True when the record satisfies every filter, which are valid. For one record: RecordMatcher in
/// src/core is for many.
bool Matches(const Record& record, const std::vector<Filter>& filters);

/// One page of records in list order: subject_id, depiction_id, model, provider, each bytewise. A
/// database that pages by cursor has an order of its own.
struct ListQuery {
  std::int64_t page = 1;                    ///< 1 to kMaxPage
  std::int64_t per_page = kDefaultPerPage;  ///< 1 to kMaxPerPage
  std::vector<Filter> filters = {};
  /// next_cursor of the page before, with the same per_page and filters; `page` is then 1. Empty:
  /// by `page`. At most kMaxCursorBytes; only for PaginationType::kCursor.
  std::string cursor = {};
};

/// A page and the arithmetic around it. A page past the end has no records and is no error.
struct RecordPage {
  std::vector<Record> records;
  std::int64_t total = 0;  ///< records that match the filters; kTotalUnknown with a cursor
  std::int64_t page = 1;
  std::int64_t per_page = kDefaultPerPage;
  std::int64_t pages = 0;  ///< ceil(total / per_page); 0 when nothing matches, or total is unknown
  std::string next_cursor = {};  ///< for ListQuery::cursor; empty at the end, and without cursors
};

/// RecordPage::total of a database that would have to read everything to know it.
inline constexpr std::int64_t kTotalUnknown = -1;

/// How a database pages; the names on the wire are "null", "countable" and "cursor".
enum class PaginationType : std::uint8_t { kNull, kCountable, kCursor };
std::string_view PaginationTypeName(PaginationType type);

/// What similar records are collapsed by.
enum class GroupBy : std::uint8_t {
  kNone,
  kSubject,  ///< of each provider's subject only the nearest; k counts subjects
};
/// "none", "subject".
std::string_view GroupByName(GroupBy group_by);
Result<GroupBy> ParseGroupBy(std::string_view name);

/// The nearest records to a vector within one model. Unset optionals take the database's defaults
/// (its `max-results` and `max-distance` URI options); a value given here always wins.
/// Filters are part of the search: k records come back whenever k records match.
/// Results are ordered by distance, then by key. Records with an identical vector are returned.
struct SimilarQuery {
  std::string model = {};                    ///< required
  std::vector<float> embedding = {};         ///< required; as long as the model's vectors
  std::optional<int> k = {};                 ///< 1 to kMaxResults
  std::optional<float> max_distance = {};    ///< inclusive; 0 or less: no limit
  std::optional<std::string> provider = {};  ///< only records of this provider
  std::vector<std::string> exclude = {};     ///< depiction ids to leave out, whoever provides them
  std::optional<Key> exclude_record = {};    ///< one record to leave out
  bool exact = false;                        ///< exact distances even where there is an index
  std::vector<Filter> filters = {};          ///< only records that satisfy them
  GroupBy group_by = GroupBy::kNone;         ///< records without a subject stand for themselves
};

/// The nearest records to a stored record, which itself is left out.
struct SimilarByIdQuery {
  Key key = {};
  std::optional<int> k = {};
  std::optional<float> max_distance = {};
  std::optional<std::string> provider = {};
  std::vector<Filter> filters = {};
  GroupBy group_by = GroupBy::kNone;
};

/// Asks how often each value of a column or an attribute occurs among the records that match.
struct FacetQuery {
  Column by = Column::kProvider;  ///< any but kWords
  std::string attribute = {};     ///< which one; only with kAttribute
  std::vector<Filter> filters = {};
  int limit = kDefaultFacets;  ///< the most frequent values; 1 to kMaxFacets
};

struct Facet {
  std::string value;
  std::int64_t count = 0;  ///< records with the value; at least 1

  bool operator==(const Facet&) const = default;
};

struct FacetCounts {
  std::vector<Facet> facets;  ///< the most frequent first, then by value, bytewise
  std::int64_t distinct = 0;  ///< how many values there are, those beyond the limit too
  std::int64_t records = 0;   ///< of all values: records that match and have the attribute

  bool operator==(const FacetCounts&) const = default;
};

/// A forward walk over records. Not safe for concurrent use; may outlive nothing it came from
/// unless its maker says so.
class RecordCursor {
 public:
  RecordCursor() = default;
  RecordCursor(const RecordCursor&) = delete;
  RecordCursor& operator=(const RecordCursor&) = delete;
  virtual ~RecordCursor() = default;

  /// Fills `record` (reusing its buffers) and returns true; false at the end; an error ends the
  /// walk.
  virtual Result<bool> Next(Record& record) = 0;
};

/// What a database can do. Read by callers, printed in docs/engines.md and held against it by a
/// test.
struct Capabilities {
  bool persistent = false;     ///< records outlive the process
  bool exact = false;          ///< Similar answers from exact distances
  bool stores = true;          ///< false: accepts records and forgets them (null)
  bool snapshot_scan = false;  ///< Scan sees the records of one moment
  bool shared_read = false;    ///< other processes may read while one writes
  bool exports = false;        ///< Export writes the go-embeddingsdb export directory

  bool operator==(const Capabilities&) const = default;
};

/// What Verify found. `problems` is for people; empty means sound. After kMaxVerifyProblems it only
/// says how many more there are (with multi://, for each of its databases).
struct VerifyReport {
  std::int64_t records = 0;  ///< that can be read
  std::vector<std::string> problems;
};

/// Checks the query's own limits (not against a database): page and per_page, filters.
Status ValidateListQuery(const ListQuery& query);
Status ValidateFilters(const std::vector<Filter>& filters);
/// Checks model, embedding, k, max_distance (not NaN), provider, exclude, filters.
Status ValidateSimilarQuery(const SimilarQuery& query);
/// Checks what is counted by, filters, limit.
Status ValidateFacetQuery(const FacetQuery& query);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_QUERY_H_
