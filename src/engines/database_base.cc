// SPDX-License-Identifier: BSD-3-Clause
#include "engines/database_base.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>
#include <set>
#include <utility>

#include "core/text.h"
#include "engines/add_plan.h"
#include "engines/facet_tally.h"

namespace embeddingsdb {
namespace {

constexpr auto kCommonOptions =
    std::to_array<std::string_view>({"dimensions", "max-distance", "max-results", "metric", "index",
                                     "precision", "durability", "read-only"});
constexpr auto kMetrics = std::to_array<std::string_view>({"l2", "cosine", "ip"});
constexpr auto kIndexes = std::to_array<std::string_view>({"auto", "exact", "hnsw"});
constexpr auto kPrecisions = std::to_array<std::string_view>({"bf16", "f32", "f16", "i8"});
constexpr auto kDurabilities = std::to_array<std::string_view>({"power", "process", "buffered"});

// How many records of a subject are expected at first, and asked for more each time.
constexpr int kDepictionsOfSubject = 4;

Status ValidateNames(std::string_view field, std::span<const std::string> names,
                     std::size_t max_bytes) {
  if (names.size() > kMaxFilterValues) {
    return InvalidArgumentError(
        Concat(field, " has ", names.size(), " values, the limit is ", kMaxFilterValues));
  }
  for (const std::string& name : names) {
    EDB_TRY(ValidateName(field, name, max_bytes));
  }
  return {};
}

}  // namespace

std::span<const std::string_view> EngineOptions::CommonNames() {
  return kCommonOptions;
}

Result<EngineOptions> EngineOptions::FromUri(const Uri& uri,
                                             std::span<const std::string_view> extra,
                                             std::span<const std::string_view> repeatable) {
  std::vector<std::string_view> known(kCommonOptions.begin(), kCommonOptions.end());
  known.insert(known.end(), extra.begin(), extra.end());
  EDB_TRY(uri.CheckOptions(known, repeatable));

  EngineOptions options;
  options.uri = uri;
  if (uri.Option("dimensions")) {
    EDB_ASSIGN(const std::int64_t dimensions,
               uri.IntOption("dimensions", 0, kMinDimension, kMaxDimension));
    options.dimensions = static_cast<int>(dimensions);
  }
  EDB_ASSIGN(const double max_distance,
             uri.FloatOption("max-distance", static_cast<double>(kDefaultMaxDistance)));
  options.max_distance = static_cast<float>(max_distance);
  EDB_ASSIGN(const std::int64_t max_results,
             uri.IntOption("max-results", kDefaultResults, 1, kMaxResults));
  options.max_results = static_cast<int>(max_results);
  EDB_ASSIGN(const std::size_t metric, uri.EnumOption("metric", kMetrics, 0));
  options.metric = static_cast<Metric>(metric);
  EDB_ASSIGN(const std::size_t index, uri.EnumOption("index", kIndexes, 0));
  options.index = static_cast<IndexMode>(index);
  EDB_ASSIGN(const std::size_t precision, uri.EnumOption("precision", kPrecisions, 0));
  options.precision = static_cast<Precision>(precision);
  EDB_ASSIGN(const std::size_t durability, uri.EnumOption("durability", kDurabilities, 0));
  options.durability = static_cast<Durability>(durability);
  EDB_ASSIGN(options.read_only, uri.BoolOption("read-only", false));
  return options;
}

void KeepNearestOfSubjects(std::vector<SimilarRecord>& found) {
  std::set<std::pair<std::string, std::string>> seen;
  std::erase_if(found, [&](const SimilarRecord& record) {
    return !record.subject_id.empty() &&
           !seen.emplace(record.key.provider, record.subject_id).second;
  });
}

Status WrongDimension(const std::string& what, std::string_view model, std::size_t actual,
                      std::size_t expected) {
  return InvalidArgumentError(Concat("embeddings of ", what, " have ", actual,
                                     " elements, but those of model ", Quote(model), " have ",
                                     expected));
}

Result<DatabaseBase::InUse> DatabaseBase::Enter() const {
  alone_.wait(true);
  if (!closed_) {
    InUse in_use(lifecycle_);
    // Close may have got in between the first look and the lock.
    if (!closed_) {
      return in_use;
    }
  }
  return FailedPreconditionError(Concat("database ", uri(), " is closed"));
}

Result<DatabaseBase::InUse> DatabaseBase::EnterWritable() const {
  if (!options_.read_only) {
    return Enter();
  }
  return FailedPreconditionError(Concat("database ", uri(), " is open read-only"));
}

Result<AddReport> DatabaseBase::Add(const Record& record) {
  return AddBatch({&record, 1});
}

Status DatabaseBase::ValidateBatch(std::span<const Record> records) const {
  if (records.size() > kMaxBatchRecords) {
    return InvalidArgumentError(
        Concat("the batch has ", records.size(), " records, the limit is ", kMaxBatchRecords));
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    const auto where = [&] {
      return records.size() == 1 ? std::string("the record") : Concat("record ", i);
    };
    if (const Status status = Validate(record); !status.ok()) {
      return records.size() == 1 ? status : status.WithContext(where());
    }
    if (options_.dimensions &&
        record.embedding.size() != static_cast<std::size_t>(*options_.dimensions)) {
      return InvalidArgumentError(Concat("embeddings of ", where(), " have ",
                                         record.embedding.size(), " elements, but the database's ",
                                         "dimensions option is ", *options_.dimensions));
    }
  }
  return {};
}

Result<AddReport> DatabaseBase::AddBatch(std::span<const Record> records,
                                         const AddOptions& options) {
  EDB_ASSIGN(const InUse in_use, EnterWritable());
  EDB_TRY(ValidateBatch(records));
  EDB_ASSIGN(const std::vector<const Record*> distinct,
             DistinctRecords(records, options.on_duplicate));
  if (distinct.empty()) {
    return AddReport{};
  }
  EDB_ASSIGN(AddReport report, DoAddBatch(distinct, options));
  // Of a repeated key the others count as if they had been stored one after another.
  const auto repeated = static_cast<std::int64_t>(records.size() - distinct.size());
  (options.on_duplicate == OnDuplicate::kOverwrite ? report.replaced : report.skipped) += repeated;
  return report;
}

Status DatabaseBase::Flush() {
  EDB_ASSIGN(const InUse in_use, Enter());
  return DoFlush();
}

Result<Record> DatabaseBase::Get(const Key& key) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateKey(key));
  return DoGet(key);
}

Result<bool> DatabaseBase::Remove(const Key& key) {
  EDB_ASSIGN(const InUse in_use, EnterWritable());
  EDB_TRY(ValidateKey(key));
  return DoRemove(key);
}

Result<std::int64_t> DatabaseBase::RemoveBatch(std::span<const Key> keys) {
  EDB_ASSIGN(const InUse in_use, EnterWritable());
  if (keys.size() > kMaxBatchRecords) {
    return InvalidArgumentError(
        Concat("the batch has ", keys.size(), " keys, the limit is ", kMaxBatchRecords));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const Status status = ValidateKey(keys[i]); !status.ok()) {
      return status.WithContext(Concat("key ", i));
    }
  }
  std::vector<Key> distinct(keys.begin(), keys.end());
  std::ranges::sort(distinct);
  const auto rest = std::ranges::unique(distinct);
  distinct.erase(rest.begin(), rest.end());
  if (distinct.empty()) {
    return std::int64_t{0};
  }
  return DoRemoveBatch(distinct);
}

Result<std::int64_t> DatabaseBase::DoRemoveBatch(std::span<const Key> keys) {
  std::int64_t removed = 0;
  for (const Key& key : keys) {
    EDB_ASSIGN(const bool one, DoRemove(key));
    removed += one ? 1 : 0;
  }
  return removed;
}

Result<RecordPage> DatabaseBase::List(const ListQuery& query) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateListQuery(query));
  if (!query.cursor.empty() && pagination_type() != PaginationType::kCursor) {
    return InvalidArgumentError("cursor is given, but this database pages by page number");
  }
  RecordPage page;
  page.page = query.page;
  page.per_page = query.per_page;
  EDB_TRY(DoList(query, page));
  page.pages = page.total == kTotalUnknown ? 0 : (page.total + page.per_page - 1) / page.per_page;
  return page;
}

Result<std::unique_ptr<RecordCursor>> DatabaseBase::Scan(const std::vector<Filter>& filters) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateFilters(filters));
  return DoScan(filters);
}

Result<std::vector<SimilarRecord>> DatabaseBase::Similar(const SimilarQuery& query) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateSimilarQuery(query));
  ResolvedSimilarQuery resolved;
  resolved.query = &query;
  resolved.k = query.k.value_or(options_.max_results);
  const float limit = query.max_distance.value_or(options_.max_distance);
  resolved.max_distance = limit > 0 ? limit : std::numeric_limits<float>::infinity();
  return query.group_by == GroupBy::kSubject ? DoSimilarBySubject(resolved) : DoSimilar(resolved);
}

Result<std::vector<SimilarRecord>> DatabaseBase::DoSimilarBySubject(
    const ResolvedSimilarQuery& query) {
  ResolvedSimilarQuery wider = query;
  const auto k = static_cast<std::size_t>(query.k);
  for (wider.k = query.k * kDepictionsOfSubject;; wider.k *= kDepictionsOfSubject) {
    EDB_ASSIGN(std::vector<SimilarRecord> found, DoSimilar(wider));
    const bool all = found.size() < static_cast<std::size_t>(wider.k);
    KeepNearestOfSubjects(found);
    // A model has fewer rows than an int can count.
    if (all || found.size() >= k ||
        wider.k > std::numeric_limits<int>::max() / kDepictionsOfSubject) {
      found.resize(std::min(found.size(), k));
      return found;
    }
  }
}

Result<std::vector<SimilarRecord>> DatabaseBase::SimilarById(const SimilarByIdQuery& query) {
  EDB_ASSIGN(Record record, Get(query.key));
  return Similar({.model = query.key.model,
                  .embedding = std::move(record.embedding),
                  .k = query.k,
                  .max_distance = query.max_distance,
                  .provider = query.provider,
                  .exclude = {},
                  .exclude_record = query.key,
                  .filters = query.filters,
                  .group_by = query.group_by});
}

Result<std::int64_t> DatabaseBase::Count(const std::vector<Filter>& filters) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateFilters(filters));
  return DoCount(filters);
}

Result<FacetCounts> DatabaseBase::Facets(const FacetQuery& query) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateFacetQuery(query));
  return DoFacets(query);
}

Result<FacetCounts> DatabaseBase::DoFacets(const FacetQuery& query) {
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, DoScan(query.filters));
  FacetTally tally(query);
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor->Next(record));
    if (!more) {
      return tally.Finish();
    }
    tally.Add(record);
  }
}

Result<std::vector<std::string>> DatabaseBase::Models(std::span<const std::string> providers) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateNames("provider", providers, kMaxProviderBytes));
  return DoModels(providers);
}

Result<std::vector<std::string>> DatabaseBase::Providers(std::span<const std::string> models) {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_TRY(ValidateNames("model", models, kMaxModelBytes));
  return DoProviders(models);
}

Result<std::vector<int>> DatabaseBase::Dimensions() {
  EDB_ASSIGN(const InUse in_use, Enter());
  if (options_.dimensions) {
    return std::vector<int>{*options_.dimensions};
  }
  return DoDimensions();
}

Result<std::int64_t> DatabaseBase::LastUpdate() {
  EDB_ASSIGN(const InUse in_use, Enter());
  return DoLastUpdate();
}

Status DatabaseBase::Export(const std::string& path) {
  EDB_ASSIGN(const InUse in_use, Enter());
  if (path.empty()) {
    return InvalidArgumentError("the export path is empty");
  }
  return DoExport(path);
}

Status DatabaseBase::DoExport(const std::string& /*path*/) {
  return UnimplementedError(
      Concat("export is not a capability of ", options_.uri.scheme(), "://; use parquet-export"));
}

Result<VerifyReport> DatabaseBase::Verify() {
  EDB_ASSIGN(const InUse in_use, Enter());
  return DoVerify();
}

Result<DatabaseStats> DatabaseBase::Stats() {
  EDB_ASSIGN(const InUse in_use, Enter());
  EDB_ASSIGN(DatabaseStats stats, DoStats());
  stats.uri = uri();
  return stats;
}

Result<std::vector<ReindexedModel>> DatabaseBase::Reindex(const std::string& model,
                                                          const ReindexProgress& progress) {
  EDB_ASSIGN(const InUse in_use, EnterWritable());
  const bool all = model.empty();
  EDB_ASSIGN(std::vector<std::string> models, DoModels({}));
  if (!all) {
    EDB_TRY(ValidateName("model", model, kMaxModelBytes));
    if (std::ranges::find(models, model) == models.end()) {
      return NotFoundError(Concat("model ", Quote(model), " has no records"));
    }
    models = {model};
  }
  std::vector<ReindexedModel> done;
  EDB_TRY(DoReindex(models, all, [&](const ReindexedModel& one) {
    done.push_back(one);
    if (progress) {
      progress(one);
    }
  }));
  return done;
}

Status DatabaseBase::DoReindex(const std::vector<std::string>& models, bool /*all*/,
                               const ReindexProgress& progress) {
  for (const std::string& model : models) {
    EDB_ASSIGN(const std::int64_t rows, DoCount({{Column::kModel, model}}));
    progress({.model = model, .rows = rows});
  }
  return {};
}

Result<CompactReport> DatabaseBase::Compact() {
  EDB_TRY(EnterWritable().status());
  EDB_ASSIGN(const std::unique_lock<std::shared_mutex> lock, EnterAlone());
  CompactReport report{.uri = uri()};
  const Status compacted = DoCompact(report);
  alone_ = false;
  alone_.notify_all();
  EDB_TRY(compacted);
  return report;
}

Status DatabaseBase::DoCompact(CompactReport& /*report*/) {
  return {};
}

Result<std::unique_lock<std::shared_mutex>> DatabaseBase::EnterAlone() {
  alone_ = true;
  std::unique_lock lock(lifecycle_);
  if (!closed_) {
    return lock;
  }
  alone_ = false;
  alone_.notify_all();
  return FailedPreconditionError(Concat("database ", uri(), " is closed"));
}

Status DatabaseBase::Close() {
  if (closed_.exchange(true)) {
    return FailedPreconditionError(Concat("database ", uri(), " is closed"));
  }
  const std::unique_lock lock(lifecycle_);
  return DoClose();
}

}  // namespace embeddingsdb
