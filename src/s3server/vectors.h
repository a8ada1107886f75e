// SPDX-License-Identifier: BSD-3-Clause
//
// The vectors of an index as records of a database: provider = bucket, model = "bucket/index",
// depiction id = key, metadata = attributes.
#ifndef EMBEDDINGSDB_S3SERVER_VECTORS_H_
#define EMBEDDINGSDB_S3SERVER_VECTORS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "core/env.h"
#include "s3server/catalog.h"
#include "s3server/document.h"
#include "s3server/filter.h"
#include "s3server/text_store.h"

namespace embeddingsdb {

struct S3Vector {
  std::string key;
  std::vector<float> data;
  Document metadata;  ///< an object; checked with CheckMetadata
};

/// A page of a list: where the next one begins, or nothing at the end.
struct S3VectorPage {
  std::vector<S3Vector> vectors;
  std::optional<std::string> next;
};

struct S3ListQuery {
  std::string after;  ///< S3VectorPage::next of the page before
  std::size_t limit = 0;
  bool metadata = false;
  int segment = 0;
  int segments = 1;
};

struct S3Search {
  std::vector<float> vector;
  std::size_t k = 0;  ///< 1 to kMaxS3Results
  std::optional<MetadataFilter> filter;
};

/// A vector that was found. Attributes are only there when the answer is small (kMaxResults).
struct S3Found {
  float distance = 0;
  Key key;
  std::optional<Attributes> attributes;
};

/// Works on one index, whose entry the caller holds in use. Borrows it.
/// Errors: those of the database; kInvalidArgument for a `next` that no page had.
class S3Vectors {
 public:
  S3Vectors(S3IndexEntry& entry, Env& env);

  /// All or none. Vectors are checked; of several with one key the last counts.
  Status Put(std::span<const S3Vector> vectors);
  /// Those that there are, in the order asked for.
  Result<std::vector<S3Vector>> Get(const std::vector<std::string>& keys, bool metadata);
  /// All or none, where the database has such commits.
  Status Remove(const std::vector<std::string>& keys);
  /// By key. A vector that stays from the first page to the last is on exactly one of them,
  /// whatever is written meanwhile; with segments, on those of one segment.
  Result<S3VectorPage> List(const S3ListQuery& query);
  /// k vectors whenever k match, the nearest first.
  Result<std::vector<S3Found>> Search(const S3Search& search);
  /// Key and metadata of what a search has found, maybe a while ago; nothing when it is gone.
  Result<std::optional<S3Vector>> Describe(const S3Found& found, bool metadata);
  /// Removes everything.
  Status Clear();

 private:
  /// A place in the list, which is ordered by both.
  struct Place {
    std::string subject_id;
    std::string depiction_id;
    auto operator<=>(const Place&) const = default;
  };
  class Matches;

  Key RecordKey(std::string_view id) const;
  std::vector<Filter> IndexFilters() const;
  Record ToRecord(const S3Vector& vector, std::vector<Record>& batch);
  Result<S3Vector> FromRecord(Record record, bool metadata);
  Result<std::optional<S3Vector>> Read(const Key& key, bool metadata);
  Result<Document> LoadWhole(const Attributes& attributes);
  Result<std::vector<std::string>> MoreTextsOf(const std::vector<std::string>& ids);
  Status RemoveIds(const std::vector<std::string>& ids);
  Result<std::int64_t> RankAfter(const Place& place, std::int64_t guess);
  Result<std::optional<Place>> PlaceAt(std::int64_t rank);
  Result<bool> SearchPass(const S3Search& search, const std::vector<Filter>& pushed,
                          Matches& matches);
  Status SearchMark(const S3Search& search, const std::string& mark, Matches& matches);

  const S3Index& index_;
  S3Database& home_;
  AbsentMarks& absent_;
  Database& database_;
  Env& env_;
  TextStore more_;  // metadata that does not fit into a record
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_VECTORS_H_
