// SPDX-License-Identifier: BSD-3-Clause
//
// S3Catalog: which vector buckets and indexes there are. Kept as records of the databases that are
// served, so it is as durable as they are: an index where its vectors are, a bucket in the first.
#ifndef EMBEDDINGSDB_S3SERVER_CATALOG_H_
#define EMBEDDINGSDB_S3SERVER_CATALOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/index.h"
#include "embeddingsdb/status.h"

#include "core/env.h"
#include "s3server/absent_marks.h"
#include "s3server/fields.h"

namespace embeddingsdb {

/// One of the databases that are served.
struct S3Database {
  std::unique_ptr<Database> database;
  std::string name;                 ///< its URI without secrets
  Metric metric = Metric::kCosine;  ///< kCosine or kL2
  std::optional<int> dimensions;    ///< its `dimensions` option: the only length it takes
  bool only_writer = false;         ///< nobody else writes while this process has it open
};

/// How the service searches with a filter. We always look at the filter first, so it is kept,
/// answered, and decides what a query may ask for.
enum class S3IndexMode : std::uint8_t { kClassic, kEnhanced };

struct S3Bucket {
  std::string name;
  std::int64_t created = 0;
  std::string encryption;  ///< "AES256", "aws:kms"; said again, and nothing else
  std::string kms_key_arn;
  std::string policy;  ///< JSON as it was given; stored, not enforced
  Tags tags;
  S3IndexMode default_mode = S3IndexMode::kEnhanced;  ///< of indexes that are made in it
};

struct S3Index {
  std::string bucket;
  std::string name;
  std::int64_t created = 0;
  int dimension = 0;
  Metric metric = Metric::kCosine;
  std::vector<std::string> not_filterable;
  std::string encryption;
  std::string kms_key_arn;
  Tags tags;
  S3IndexMode mode = S3IndexMode::kEnhanced;
  bool deleting = false;  ///< its vectors are being removed

  std::string model() const { return bucket + "/" + name; }
};

/// An index that is in use. Whoever reads or writes its vectors holds `use` shared and looks at
/// `removed` first; who removes it holds `use` alone.
struct S3IndexEntry {
  /// Does not change, but for `tags`, `mode` and `deleting`, which are the catalog's.
  S3Index index;
  std::atomic<S3IndexMode> mode = S3IndexMode::kEnhanced;  ///< the same, for queries
  S3Database* home = nullptr;
  AbsentMarks absent;  ///< of its vectors; told by S3Vectors
  std::shared_mutex use;
  bool removed = false;  ///< guarded by `use`
};
using S3IndexPtr = std::shared_ptr<S3IndexEntry>;

/// Threads: safe for concurrent use. Errors: kNotFound, kAlreadyExists and kInvalidArgument in the
/// words of the service; those of the databases.
class S3Catalog {
 public:
  /// Reads what the databases hold. Borrows all, which must outlive it.
  static Result<std::unique_ptr<S3Catalog>> Load(std::vector<S3Database>& databases, Env& env);

  Status CreateBucket(S3Bucket bucket);
  Result<S3Bucket> Bucket(std::string_view name) const;
  /// Names with the prefix that come after `after`, at most `limit`.
  std::vector<S3Bucket> Buckets(std::string_view prefix, std::string_view after,
                                std::size_t limit) const;
  /// Changes a bucket durably; the change may refuse.
  Status ChangeBucket(std::string_view name, const std::function<Status(S3Bucket&)>& change);
  Status DeleteBucket(std::string_view name);

  /// In the bucket's default mode. kInvalidArgument, saying what to add to the server's URI, when
  /// no database has the metric.
  Status CreateIndex(S3Index index);
  /// Also the bucket must be there. An index that is being deleted is not found.
  Result<S3IndexPtr> Use(std::string_view bucket, std::string_view name) const;
  Result<S3Index> Index(std::string_view bucket, std::string_view name) const;
  Result<std::vector<S3Index>> Indexes(std::string_view bucket, std::string_view prefix,
                                       std::string_view after, std::size_t limit) const;
  /// Changes its tags durably; the change may refuse.
  Status ChangeTags(std::string_view bucket, std::string_view name,
                    const std::function<Status(Tags&)>& change);
  /// Changes its mode durably.
  Status SetMode(std::string_view bucket, std::string_view name, S3IndexMode mode);
  /// Marks it durably, has `empty` remove its vectors, then forgets it.
  Status DeleteIndex(std::string_view bucket, std::string_view name,
                     const std::function<Status(S3IndexEntry&)>& empty);
  /// Goes on with deletions that a stop of the server has cut short.
  Status FinishDeletions(const std::function<Status(S3IndexEntry&)>& empty);

 private:
  using IndexKey = std::pair<std::string, std::string>;

  S3Catalog(std::vector<S3Database>& databases, Env& env) : databases_(databases), env_(env) {}
  Status LoadFrom(S3Database& database);
  Status AddLoaded(std::string_view name, const Document& entry, S3Database& database);
  Status SaveBucket(const S3Bucket& bucket);
  Status SaveIndex(const S3IndexEntry& entry, const S3Index& index);
  S3Database* HomeOf(const S3Index& index);
  Result<S3IndexPtr> FindIndex(std::string_view bucket, std::string_view name) const;
  Status Empty(const S3IndexPtr& entry, const std::function<Status(S3IndexEntry&)>& empty);

  std::vector<S3Database>& databases_;
  Env& env_;
  mutable std::shared_mutex mutex_;  // guards the maps and what they hold
  std::map<std::string, S3Bucket, std::less<>> buckets_;
  std::map<std::string, S3Database*, std::less<>> bucket_homes_;
  std::map<IndexKey, S3IndexPtr> indexes_;
};

/// "cosine", "euclidean".
std::string_view S3MetricName(Metric metric);
/// "CLASSIC", "ENHANCED".
std::string_view S3ModeName(S3IndexMode mode);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_CATALOG_H_
