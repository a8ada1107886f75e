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

/// The columns a list can be filtered by. An enumeration, so no caller's text ever reaches SQL as
/// an identifier.
enum class Column : std::uint8_t { kProvider, kDepictionId, kSubjectId, kModel };

/// The column's name on the wire and in every engine, e.g. "depiction_id".
std::string_view ColumnName(Column column);
/// The inverse of ColumnName. kInvalidArgument names the unknown column and the known ones.
Result<Column> ParseColumn(std::string_view name);

/// Equality filter; several are ANDed.
struct Filter {
  Column column = Column::kProvider;
  std::string value;

  bool operator==(const Filter&) const = default;
};

/// True when the record satisfies every filter.
bool Matches(const Record& record, const std::vector<Filter>& filters);

/// One page of records in list order: subject_id, depiction_id, model, provider, each bytewise.
struct ListQuery {
  std::int64_t page = 1;                    ///< 1 to kMaxPage
  std::int64_t per_page = kDefaultPerPage;  ///< 1 to kMaxPerPage
  std::vector<Filter> filters = {};
};

/// A page and the arithmetic around it. A page past the end has no records and is no error.
struct RecordPage {
  std::vector<Record> records;
  std::int64_t total = 0;  ///< records that match the filters
  std::int64_t page = 1;
  std::int64_t per_page = kDefaultPerPage;
  std::int64_t pages = 0;  ///< ceil(total / per_page); 0 when nothing matches
};

/// How a database pages; the names on the wire are "null", "countable" and "cursor".
enum class PaginationType : std::uint8_t { kNull, kCountable, kCursor };
std::string_view PaginationTypeName(PaginationType type);

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
};

/// The nearest records to a stored record, which itself is left out.
struct SimilarByIdQuery {
  Key key = {};
  std::optional<int> k = {};
  std::optional<float> max_distance = {};
  std::optional<std::string> provider = {};
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

/// What a batch did. Every record of a batch is stored, or none is.
struct AddReport {
  std::int64_t added = 0;     ///< records that were new
  std::int64_t replaced = 0;  ///< records that took the place of one with the same key

  bool operator==(const AddReport&) const = default;
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
/// Checks model, embedding, k, max_distance (not NaN), provider, exclude.
Status ValidateSimilarQuery(const SimilarQuery& query);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_QUERY_H_
