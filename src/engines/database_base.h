// SPDX-License-Identifier: BSD-3-Clause
//
// DatabaseBase: what every engine has in common. The public verbs are final here: they check the
// arguments once, refuse after Close or on a read-only database, and call the engine's Do...
// function. An engine overrides Do... and never repeats a check.
#ifndef EMBEDDINGSDB_ENGINES_DATABASE_BASE_H_
#define EMBEDDINGSDB_ENGINES_DATABASE_BASE_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/index.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/uri.h"

namespace embeddingsdb {

/// How durable OK is; the values of the URI option `durability`.
enum class Durability : std::uint8_t { kPower, kProcess, kBuffered };

/// The options every engine understands, read from its URI once.
struct EngineOptions {
  Uri uri;
  std::optional<int> dimensions;               ///< `dimensions`: the only length accepted
  float max_distance = kDefaultMaxDistance;    ///< `max-distance`; 0 or less: none
  int max_results = kDefaultResults;           ///< `max-results`
  Metric metric = Metric::kL2;                 ///< `metric`
  IndexMode index = IndexMode::kAuto;          ///< `index`
  Precision precision = Precision::kBf16;      ///< `precision`
  Durability durability = Durability::kPower;  ///< `durability`
  bool read_only = false;                      ///< `read-only`

  /// The names of the options below, which every engine takes.
  static std::span<const std::string_view> CommonNames();

  /// Reads the common options and refuses unknown ones; `extra` names the engine's own. One given
  /// twice is refused too unless it is in `repeatable`.
  static Result<EngineOptions> FromUri(const Uri& uri, std::span<const std::string_view> extra = {},
                                       std::span<const std::string_view> repeatable = {});
};

/// A SimilarQuery with the database's defaults filled in: what engines work from.
struct ResolvedSimilarQuery {
  const SimilarQuery* query = nullptr;  ///< model, embedding, provider, exclude...; borrowed
  int k = kDefaultResults;
  float max_distance = 0;  ///< +infinity when there is no limit
  /// The only rows allowed, ascending; null: all. EmbeddedDatabase makes it of query->filters.
  const std::vector<RowId>* rows = nullptr;
};

class DatabaseBase : public Database {
 public:
  Result<AddReport> Add(const Record& record) final;
  using Database::AddBatch;
  Result<AddReport> AddBatch(std::span<const Record> records, const AddOptions& options) final;
  std::int64_t Pending() const override { return 0; }
  Status Flush() final;
  Result<Record> Get(const Key& key) final;
  Result<bool> Remove(const Key& key) final;
  Result<std::int64_t> RemoveBatch(std::span<const Key> keys) final;
  Result<RecordPage> List(const ListQuery& query) final;
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) final;
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) final;
  Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) final;
  Result<std::int64_t> Count(const std::vector<Filter>& filters) final;
  Result<FacetCounts> Facets(const FacetQuery& query) final;
  Result<std::vector<std::string>> Models(std::span<const std::string> providers) final;
  Result<std::vector<std::string>> Providers(std::span<const std::string> models) final;
  Result<std::vector<int>> Dimensions() final;
  Result<std::int64_t> LastUpdate() final;
  PaginationType pagination_type() const override { return PaginationType::kCountable; }
  Status Export(const std::string& path) final;
  Result<VerifyReport> Verify() final;
  Result<DatabaseStats> Stats() final;
  Result<std::vector<ReindexedModel>> Reindex(const std::string& model,
                                              const ReindexProgress& progress) final;
  Result<CompactReport> Compact() final;
  std::string uri() const final { return options_.uri.Redacted(); }
  Status Close() final;

 protected:
  DatabaseBase(EngineOptions options, const Context& context)
      : options_(std::move(options)), context_(context) {}

  const EngineOptions& options() const { return options_; }
  const Context& context() const { return context_; }

  /// `records` are valid, at most kMaxBatchRecords, have distinct keys and the length that the
  /// `dimensions` option asks for. The engine checks lengths against what it holds
  /// (WrongDimension).
  virtual Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                                       const AddOptions& options) = 0;
  virtual Status DoFlush() { return {}; }
  virtual Result<Record> DoGet(const Key& key) = 0;
  virtual Result<bool> DoRemove(const Key& key) = 0;
  /// Distinct valid keys, at least one, ascending. Unless overridden, one by one.
  virtual Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys);
  /// Fills records and total; the base fills the arithmetic.
  virtual Status DoList(const ListQuery& query, RecordPage& page) = 0;
  virtual Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) = 0;
  /// The nearest records, whatever the query groups by.
  virtual Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) = 0;
  /// The nearest record of each of the k nearest subjects. Unless overridden it asks DoSimilar for
  /// more records until they are of k subjects.
  virtual Result<std::vector<SimilarRecord>> DoSimilarBySubject(const ResolvedSimilarQuery& query);
  virtual Result<std::int64_t> DoCount(const std::vector<Filter>& filters) = 0;
  /// Unless overridden it counts what DoScan gives.
  virtual Result<FacetCounts> DoFacets(const FacetQuery& query);
  virtual Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) = 0;
  virtual Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) = 0;
  virtual Result<std::vector<int>> DoDimensions() = 0;
  virtual Result<std::int64_t> DoLastUpdate() = 0;
  virtual Status DoExport(const std::string& path);  // kUnimplemented unless overridden
  virtual Result<VerifyReport> DoVerify() = 0;
  /// The base fills in the URI.
  virtual Result<DatabaseStats> DoStats() = 0;
  /// `models` have records, or had a moment ago. `all`: they are all there are. By default there is
  /// nothing to index.
  virtual Status DoReindex(const std::vector<std::string>& models, bool all,
                           const ReindexProgress& progress);
  /// For one whose files cannot be opened again: every later call fails as after Close.
  void MarkClosed() { closed_ = true; }
  /// No other call is in flight. By default there is nothing to compact.
  virtual Status DoCompact(CompactReport& report);
  /// Called at most once, with no other call in flight. A database that is destroyed without Close
  /// lets go of its files in the engine's destructor.
  virtual Status DoClose() { return {}; }

 private:
  /// Held by every call, so that Close waits for the calls in flight and none starts after it.
  using InUse = std::shared_lock<std::shared_mutex>;
  Result<InUse> Enter() const;
  Result<InUse> EnterWritable() const;
  Status ValidateBatch(std::span<const Record> records) const;
  /// Keeps all calls out, and waits for those in flight.
  Result<std::unique_lock<std::shared_mutex>> EnterAlone();

  EngineOptions options_;
  Context context_;
  mutable std::shared_mutex lifecycle_;
  /// Set before Close waits for the calls in flight: a shared mutex alone would let steady callers
  /// keep it waiting for ever.
  std::atomic<bool> closed_ = false;
  /// In the same way while a call is alone: others wait here before they take the lock.
  std::atomic<bool> alone_ = false;
};

/// Of records by distance leaves the nearest of each provider's subject; those without a subject
/// all stay.
void KeepNearestOfSubjects(std::vector<SimilarRecord>& found);

/// The error for a vector whose length is not the model's: "embeddings of record ... have 3
/// elements, but model ... has 4".
Status WrongDimension(const std::string& what, std::string_view model, std::size_t actual,
                      std::size_t expected);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DATABASE_BASE_H_
