// SPDX-License-Identifier: BSD-3-Clause
#include "engines/embedded_database.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/env.h"
#include "core/log.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/add_plan.h"
#include "engines/chosen_rows.h"
#include "engines/embedded_stats.h"
#include "engines/facet_tally.h"
#include "engines/filtered_reads.h"
#include "engines/stored_index_files.h"
#include "engines/verify_problems.h"
#include "engines/write_queue.h"
#include "index/filtered_slots.h"
#include "index/index_set.h"

namespace embeddingsdb {
namespace {

/// How often a search is made that finds the index and the records apart.
constexpr int kTries = 4;

Status ChangesTooFast() {
  return UnavailableError("another process changes the records faster than they can be read");
}

bool Contains(std::span<const std::string> values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

/// What Verify has seen of a model.
struct VerifiedModel {
  std::size_t dimension = 0;
  std::size_t records = 0;
};
using VerifiedModels = std::map<std::string, VerifiedModel, std::less<>>;

void VerifyRecord(const Record& record, VerifiedModels& models, VerifyProblems& problems) {
  if (const Status status = Validate(record); !status.ok()) {
    problems.Add(Concat(DisplayKey(record.key), ": ", status.message()));
  }
  const std::size_t size = record.embedding.size();
  VerifiedModel& model = models.try_emplace(record.key.model).first->second;
  if (model.records++ == 0) {
    model.dimension = size;
  } else if (size != model.dimension) {
    problems.Add(Concat(DisplayKey(record.key), ": ", size, " elements, those before it have ",
                        model.dimension));
  }
}

/// Records of the rows that a search finds, each read once.
class FoundRecords {
 public:
  explicit FoundRecords(RecordStore& store) : store_(store) {}

  /// As IndexSet::VectorReader.
  Result<std::vector<std::span<const float>>> Vectors(std::span<const IndexHit> hits) {
    EDB_ASSIGN(std::vector<std::optional<Record>> records,
               store_.GetRows(RefsOf(hits), RowParts::kAll));
    std::vector<std::span<const float>> vectors;
    vectors.reserve(hits.size());
    for (std::size_t i = 0; i < hits.size(); ++i) {
      std::optional<Record>& record = records[i];
      if (record) {
        const auto place = records_.insert_or_assign(hits[i].row, *std::move(record)).first;
        vectors.emplace_back(place->second.embedding);
      } else {
        vectors.emplace_back();
      }
    }
    return vectors;
  }

  /// Takes what hits say, and reads the other rows that have not been read; false when one is gone.
  /// Without `believe` all are read, because the index may lag behind the store.
  Result<bool> Complete(std::span<const IndexHit> hits, bool believe) {
    std::vector<IndexHit> missing;
    for (const IndexHit& hit : hits) {
      const RowDetails details(hit.details);
      if (records_.contains(hit.row)) {
        continue;
      }
      if (believe && details.kept()) {
        Record& record = records_[hit.row];
        record.subject_id = details.subject_id();
        record.attributes = details.attributes();
      } else {
        missing.push_back(hit);
      }
    }
    if (missing.empty()) {
      return true;
    }
    EDB_ASSIGN(std::vector<std::optional<Record>> records,
               store_.GetRows(RefsOf(missing), RowParts::kFields));
    for (std::size_t i = 0; i < missing.size(); ++i) {
      std::optional<Record>& record = records[i];
      if (!record) {
        return false;
      }
      records_.emplace(missing[i].row, *std::move(record));
    }
    return true;
  }

  Record& record(RowId row) { return records_.find(row)->second; }

 private:
  static std::vector<RowRef> RefsOf(std::span<const IndexHit> hits) {
    std::vector<RowRef> rows;
    rows.reserve(hits.size());
    for (const IndexHit& hit : hits) {
      rows.push_back({hit.row, hit.key});
    }
    return rows;
  }

  RecordStore& store_;
  std::unordered_map<RowId, Record> records_;
};

/// Counts a write when it begins and when it has ended, so that a reader knows that there was none.
class WriteMark {
 public:
  explicit WriteMark(std::atomic<std::uint64_t>& writes) : writes_(writes) { ++writes_; }
  WriteMark(const WriteMark&) = delete;
  WriteMark& operator=(const WriteMark&) = delete;
  ~WriteMark() { ++writes_; }

 private:
  std::atomic<std::uint64_t>& writes_;
};

class EmbeddedDatabase final : public DatabaseBase {
 public:
  EmbeddedDatabase(std::unique_ptr<RecordStore> store, EngineOptions options,
                   const Context& context)
      : DatabaseBase(std::move(options), context),
        store_(std::move(store)),
        write_mutex_({.check = [this](auto records) { return CheckDimensions(records); },
                      .commit = [this](auto records) { return Commit(records); }}),
        files_(*store_, write_mutex_, this->options().read_only, this->context()),
        index_({.metric = this->options().metric,
                .mode = this->options().index,
                .precision = this->options().precision,
                .files = files_.usable() ? &files_ : nullptr,
                .log = this->context().log}) {}

  /// To be called once before use.
  Status LoadCatalog();

  Capabilities capabilities() const override { return store_->capabilities(); }

 protected:
  Result<AddReport> DoAddBatch(std::span<const Record* const> records,
                               const AddOptions& options) override {
    return options == AddOptions() ? write_mutex_.Add(records) : AddPlanned(records, options);
  }
  Status DoFlush() override { return store_->Flush(); }
  Result<Record> DoGet(const Key& key) override;
  Result<bool> DoRemove(const Key& key) override {
    EDB_ASSIGN(const std::int64_t removed, DoRemoveBatch({&key, 1}));
    return removed > 0;
  }
  Result<std::int64_t> DoRemoveBatch(std::span<const Key> keys) override;
  Status DoList(const ListQuery& query, RecordPage& page) override;
  Result<std::unique_ptr<RecordCursor>> DoScan(const std::vector<Filter>& filters) override {
    return AnyAboutAttributes(filters) ? ScanByFields(*store_, filters) : store_->Scan(filters);
  }
  Result<std::vector<SimilarRecord>> DoSimilar(const ResolvedSimilarQuery& query) override;
  Result<std::int64_t> DoCount(const std::vector<Filter>& filters) override {
    return AnyAboutAttributes(filters) ? CountByFields(*store_, filters) : store_->Count(filters);
  }
  Result<FacetCounts> DoFacets(const FacetQuery& query) override;
  Result<std::vector<std::string>> DoModels(std::span<const std::string> providers) override;
  Result<std::vector<std::string>> DoProviders(std::span<const std::string> models) override;
  Result<std::vector<int>> DoDimensions() override;
  Result<std::int64_t> DoLastUpdate() override { return store_->LastUpdate(); }
  Status DoExport(const std::string& path) override { return store_->Export(path); }
  Result<VerifyReport> DoVerify() override;
  Result<DatabaseStats> DoStats() override;
  Status DoReindex(const std::vector<std::string>& models, bool all,
                   const ReindexProgress& progress) override;
  Status DoCompact(CompactReport& report) override;
  Status DoClose() override {
    index_.Stop();  // it uses the store
    return store_->Close();
  }

 private:
  /// When a search began.
  struct Moment {
    bool settled = false;  ///< no write was between its commit and its index update
    std::int64_t external_changes = 0;
  };
  /// A search's answer, or nothing when a row it found is gone from the store.
  using Attempt = std::optional<std::vector<SimilarRecord>>;

  Status CheckDimensions(std::span<const Record* const> records) const;
  /// Commit, catalog and index update of an add; needs write_mutex_.
  Result<std::vector<PutResult>> Commit(std::span<const Record* const> records);
  /// An add that has to know first which keys are taken.
  Result<AddReport> AddPlanned(std::span<const Record* const> records, const AddOptions& options);
  void CountAdded(const Record& record, bool added);
  void CountRemoved(const Key& key);
  /// Length of the model's vectors; 0 when it has no records.
  int DimensionOf(std::string_view model) const;
  std::size_t RowsOf(const std::string& model) const;
  /// Starts over when another process has changed the files. Only a read-only database can see
  /// that.
  Status FollowOtherProcess();
  Status FollowLocked();  // needs write_mutex_
  IndexSet::Source SourceOf(const std::string& model);
  Status LoadIndex(const std::string& model);  // needs write_mutex_
  Status ReindexOne(ReindexedModel& model);
  Status CompactIndexes();
  Result<Attempt> TrySimilar(const ResolvedSimilarQuery& resolved, Moment began);
  /// The same for a query with filters: nothing too when the records have changed meanwhile.
  Result<Attempt> TryFiltered(const ResolvedSimilarQuery& resolved, Moment began);
  /// By the rows that the store chooses, because the index knows too little of them.
  Result<Attempt> TryChosen(const ResolvedSimilarQuery& resolved, Moment began);
  /// The answer, with the writes of this process held off.
  Result<std::vector<SimilarRecord>> SimilarLocked(const ResolvedSimilarQuery& resolved);
  Result<Attempt> TryAny(const ResolvedSimilarQuery& resolved, Moment began) {
    return resolved.query->filters.empty() ? TrySimilar(resolved, began)
                                           : TryFiltered(resolved, began);
  }
  /// Whether what a search that began then found in the index is how the records were at some
  /// moment since.
  Result<bool> WasTrue(std::span<const IndexHit> hits, Moment began);

  std::unique_ptr<RecordStore> store_;
  /// Held over commit, catalog and index update of a write, and while a model is loaded.
  WriteQueue write_mutex_;
  StoredIndexFiles files_;
  IndexSet index_;
  ChosenRows chosen_;
  std::mutex reindex_mutex_;  ///< one at a time
  mutable std::shared_mutex catalog_mutex_;
  Catalog catalog_;                                 // guarded by catalog_mutex_
  std::atomic<std::int64_t> external_changes_ = 0;  // written under write_mutex_
  std::atomic<std::uint64_t> writes_ = 0;           // begun and ended ones: two for each write
};

Status EmbeddedDatabase::LoadCatalog() {
  EDB_ASSIGN(const std::int64_t changes, store_->ExternalChanges());
  EDB_ASSIGN(Catalog catalog, store_->LoadCatalog());
  const std::unique_lock lock(catalog_mutex_);
  catalog_ = std::move(catalog);
  external_changes_ = changes;  // last: who sees it finds the catalog
  return {};
}

Status EmbeddedDatabase::FollowOtherProcess() {
  if (!options().read_only) {
    return {};
  }
  // Most often there is nothing to follow, and searches need not wait for one another.
  EDB_ASSIGN(const std::int64_t changes, store_->ExternalChanges());
  if (changes == external_changes_) {
    return {};
  }
  const std::lock_guard lock(write_mutex_);
  return FollowLocked();
}

Status EmbeddedDatabase::FollowLocked() {
  EDB_ASSIGN(const std::int64_t changes, store_->ExternalChanges());
  if (changes == external_changes_) {
    return {};
  }
  index_.Clear();
  return LoadCatalog();
}

int EmbeddedDatabase::DimensionOf(std::string_view model) const {
  const std::shared_lock lock(catalog_mutex_);
  auto it = catalog_.models.find(std::string(model));
  return it == catalog_.models.end() ? 0 : it->second.dimension;
}

std::size_t EmbeddedDatabase::RowsOf(const std::string& model) const {
  const std::shared_lock lock(catalog_mutex_);
  std::int64_t rows = 0;
  if (const auto it = catalog_.models.find(model); it != catalog_.models.end()) {
    for (const auto& [provider, count] : it->second.providers) {
      rows += count;
    }
  }
  return static_cast<std::size_t>(rows);
}

Status EmbeddedDatabase::CheckDimensions(std::span<const Record* const> records) const {
  std::map<std::string_view, std::size_t> expected;
  for (const Record* record : records) {
    const std::string& model = record->key.model;
    auto it = expected.find(model);
    if (it == expected.end()) {
      const auto known = static_cast<std::size_t>(DimensionOf(model));
      it = expected.emplace(model, known != 0 ? known : record->embedding.size()).first;
    }
    if (record->embedding.size() != it->second) {
      return WrongDimension(DisplayKey(record->key), model, record->embedding.size(), it->second);
    }
  }
  return {};
}

void EmbeddedDatabase::CountAdded(const Record& record, bool added) {
  const std::unique_lock lock(catalog_mutex_);
  Catalog::Model& model = catalog_.models[record.key.model];
  model.dimension = static_cast<int>(record.embedding.size());
  if (added) {
    ++model.providers[record.key.provider];
  }
}

void EmbeddedDatabase::CountRemoved(const Key& key) {
  const std::unique_lock lock(catalog_mutex_);
  auto model = catalog_.models.find(key.model);
  if (model == catalog_.models.end()) {
    return;
  }
  auto provider = model->second.providers.find(key.provider);
  if (provider != model->second.providers.end() && --provider->second == 0) {
    model->second.providers.erase(provider);
  }
  if (!model->second.providers.empty()) {
    return;
  }
  // The model is free to take another length of vector now.
  catalog_.models.erase(model);
  index_.Unload(key.model);
}

Result<std::vector<PutResult>> EmbeddedDatabase::Commit(std::span<const Record* const> records) {
  const WriteMark mark(writes_);
  EDB_ASSIGN(std::vector<PutResult> stored, store_->Put(records, context().env->NowUnixSeconds()));
  std::vector<IndexRow> rows;
  rows.reserve(records.size());
  RowDetailsWriter writer;
  std::vector<std::string> details;
  details.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = *records[i];
    CountAdded(record, !stored[i].replaced.has_value());
    details.emplace_back(writer.Write(record.subject_id, record.attributes));
    rows.push_back({.key = &record.key,
                    .row = stored[i].row,
                    .replaced = stored[i].replaced,
                    .vector = record.embedding,
                    .details = details.back()});
  }
  if (const Status indexed = index_.AddBatch(rows); !indexed.ok()) {
    // The records are stored; an index that cannot follow is thrown away and loaded again.
    context().log->Warn("Reload the index", {{"error", indexed.ToString()}});
    index_.Clear();
  }
  return stored;
}

Result<AddReport> EmbeddedDatabase::AddPlanned(std::span<const Record* const> records,
                                               const AddOptions& options) {
  const std::lock_guard lock(write_mutex_);
  EDB_TRY(CheckDimensions(records));
  EDB_ASSIGN(const auto created, store_->CreatedTimes(records));
  EDB_ASSIGN(const AddPlan plan, PlanAdd(records, created, options.on_duplicate));
  if (!options.dry_run && !plan.records.empty()) {
    EDB_TRY(Commit(plan.records).status());
  }
  return plan.report;
}

Result<Record> EmbeddedDatabase::DoGet(const Key& key) {
  EDB_ASSIGN(std::optional<Record> record, store_->Get(key));
  if (!record) {
    return NotFoundError(Concat("record ", DisplayKey(key), " not found"));
  }
  return *std::move(record);
}

Result<std::int64_t> EmbeddedDatabase::DoRemoveBatch(std::span<const Key> keys) {
  const std::lock_guard lock(write_mutex_);
  const WriteMark mark(writes_);
  EDB_ASSIGN(const std::vector<std::optional<RowId>> rows,
             store_->RemoveAll(keys, context().env->NowUnixSeconds()));
  std::int64_t removed = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (rows[i]) {
      index_.Remove(keys[i].model, *rows[i]);
      CountRemoved(keys[i]);
      ++removed;
    }
  }
  return removed;
}

Status EmbeddedDatabase::LoadIndex(const std::string& model) {
  if (index_.IsLoaded(model)) {
    return {};
  }
  return DimensionOf(model) == 0 ? Status() : index_.Load(model, SourceOf(model));
}

/// Borrows the name.
IndexSet::Source EmbeddedDatabase::SourceOf(const std::string& model) {
  return {.dimension = DimensionOf(model),
          .rows = RowsOf(model),
          .visit =
              [this, &model](RowId after, const IndexSet::RowSink& sink) {
                return store_->VisitVectors(model, after, sink);
              },
          .list = [this, &model](RowId last) { return store_->ListRows(model, last); }};
}

Status EmbeddedDatabase::DoList(const ListQuery& query, RecordPage& page) {
  if (!AnyAboutAttributes(query.filters)) {
    return store_->List(query, page);
  }
  EDB_ASSIGN(bool listed, ListByFields(*store_, query, page));
  if (!listed) {
    const std::lock_guard lock(write_mutex_);
    EDB_ASSIGN(listed, ListByFields(*store_, query, page));
  }
  return listed ? Status() : ChangesTooFast();
}

Result<FacetCounts> EmbeddedDatabase::DoFacets(const FacetQuery& query) {
  EDB_TRY(FollowOtherProcess());
  const auto by_catalog = [](Column column) {
    return column == Column::kModel || column == Column::kProvider;
  };
  if (!by_catalog(query.by) ||
      !std::all_of(query.filters.begin(), query.filters.end(),
                   [&](const Filter& filter) { return by_catalog(filter.column); })) {
    return FacetsByFields(*store_, query);
  }
  const auto satisfies = [&](Column column, const std::string& value) {
    return std::all_of(query.filters.begin(), query.filters.end(), [&](const Filter& filter) {
      return filter.column != column || filter.value == value;
    });
  };
  FacetTally tally(query);
  const std::shared_lock lock(catalog_mutex_);
  for (const auto& [name, model] : catalog_.models) {
    if (!satisfies(Column::kModel, name)) {
      continue;
    }
    for (const auto& [provider, count] : model.providers) {
      if (satisfies(Column::kProvider, provider)) {
        tally.Add(query.by == Column::kModel ? name : provider, count);
      }
    }
  }
  return tally.Finish();
}

Result<EmbeddedDatabase::Attempt> EmbeddedDatabase::TryFiltered(
    const ResolvedSimilarQuery& resolved, Moment began) {
  if (!store_->searches() && FilteredSlots::CanDecide(resolved.query->filters)) {
    EDB_ASSIGN(Attempt attempt, TrySimilar(resolved, began));
    if (attempt) {
      return attempt;
    }
  }
  return TryChosen(resolved, began);
}

Result<EmbeddedDatabase::Attempt> EmbeddedDatabase::TryChosen(const ResolvedSimilarQuery& resolved,
                                                              Moment began) {
  ChosenRows::State state{.writes = writes_};
  EDB_ASSIGN(state.external_changes, store_->ExternalChanges());
  const ChosenRows::Question question{resolved.query->model, resolved.query->filters};
  ChosenRows::Rows rows = chosen_.Find(question, state);
  const bool known = rows != nullptr;
  if (!known) {
    EDB_ASSIGN(std::vector<RowId> read, RowsByFields(*store_, question.model, question.filters));
    rows = std::make_shared<const std::vector<RowId>>(std::move(read));
  }
  ResolvedSimilarQuery filtered = resolved;
  filtered.rows = rows.get();
  Attempt attempt;
  if (store_->searches()) {
    EDB_ASSIGN(attempt, store_->Similar(filtered));
  } else {
    EDB_ASSIGN(attempt, TrySimilar(filtered, began));
  }
  // A record that was replaced in between has an id that the rows do not have.
  ChosenRows::State now{.writes = writes_};
  EDB_ASSIGN(now.external_changes, store_->ExternalChanges());
  if (state.writes % 2 != 0 || now != state) {
    return Attempt();
  }
  if (!known) {
    chosen_.Remember(question, state, std::move(rows));
  }
  return attempt;
}

Result<bool> EmbeddedDatabase::WasTrue(std::span<const IndexHit> hits, Moment began) {
  const bool asked = std::any_of(hits.begin(), hits.end(),
                                 [](const IndexHit& hit) { return !hit.details.empty(); });
  // The records were not ahead of the index when the search began, so what it saw was true then or
  // later. Of another process's writes an index that was loaded meanwhile may have a part.
  if (!asked || !began.settled || !options().read_only) {
    return began.settled;
  }
  EDB_ASSIGN(const std::int64_t changes, store_->ExternalChanges());
  return changes == began.external_changes;
}

Result<EmbeddedDatabase::Attempt> EmbeddedDatabase::TrySimilar(const ResolvedSimilarQuery& resolved,
                                                               Moment began) {
  const SimilarQuery& query = *resolved.query;
  FoundRecords found(*store_);
  const bool by_index = resolved.rows == nullptr && !query.filters.empty();
  EDB_ASSIGN(
      const std::optional<std::vector<IndexHit>> hits,
      index_.Search(query.model,
                    {.embedding = query.embedding,
                     .k = resolved.k,
                     .max_distance = resolved.max_distance,
                     .provider = query.provider,
                     .exclude = query.exclude,
                     .exclude_record = query.exclude_record ? &*query.exclude_record : nullptr,
                     .exact = query.exact,
                     .rows = resolved.rows,
                     .filters = by_index ? &query.filters : nullptr},
                    [&](std::span<const IndexHit> rows) { return found.Vectors(rows); }));
  if (!hits) {
    return Attempt();
  }
  EDB_ASSIGN(const bool was_true, WasTrue(*hits, began));
  EDB_ASSIGN(const bool all, found.Complete(*hits, was_true));
  if (!all) {
    return Attempt();
  }
  std::vector<SimilarRecord> answer;
  answer.reserve(hits->size());
  for (const IndexHit& hit : *hits) {
    Record& record = found.record(hit.row);
    answer.push_back(
        {hit.key, std::move(record.subject_id), hit.distance, std::move(record.attributes)});
  }
  return Attempt(std::move(answer));
}

Result<std::vector<SimilarRecord>> EmbeddedDatabase::DoSimilar(
    const ResolvedSimilarQuery& resolved) {
  const SimilarQuery& query = *resolved.query;
  EDB_TRY(FollowOtherProcess());
  const Moment began{.settled = writes_ % 2 == 0, .external_changes = external_changes_};
  const int dimension = DimensionOf(query.model);
  if (dimension == 0) {
    return std::vector<SimilarRecord>{};
  }
  if (query.embedding.size() != static_cast<std::size_t>(dimension)) {
    return WrongDimension("the query", query.model, query.embedding.size(),
                          static_cast<std::size_t>(dimension));
  }
  const bool searches = store_->searches();
  if (searches && query.filters.empty()) {
    return store_->Similar(resolved);
  }
  if (searches || index_.IsLoaded(query.model)) {
    Result<Attempt> tried = TryAny(resolved, began);
    Attempt attempt = tried.ok() ? *std::move(tried) : std::nullopt;
    if (attempt) {
      return *std::move(attempt);
    }
    // A write is between its commit and its index update, or the model has just been unloaded: look
    // again with writes held off.
  }
  return SimilarLocked(resolved);
}

Result<std::vector<SimilarRecord>> EmbeddedDatabase::SimilarLocked(
    const ResolvedSimilarQuery& resolved) {
  const SimilarQuery& query = *resolved.query;
  const std::lock_guard lock(write_mutex_);
  for (int tries = 0; tries < kTries; ++tries) {
    EDB_TRY(options().read_only ? FollowLocked() : Status());
    const auto dimension = static_cast<std::size_t>(DimensionOf(query.model));
    if (dimension != query.embedding.size()) {
      // The model was emptied, and perhaps filled with another length, since it was looked at.
      if (dimension == 0) {
        return std::vector<SimilarRecord>{};
      }
      return WrongDimension("the query", query.model, query.embedding.size(), dimension);
    }
    EDB_TRY(store_->searches() ? Status() : LoadIndex(query.model));
    EDB_ASSIGN(Attempt attempt,
               TryAny(resolved, {.settled = true, .external_changes = external_changes_}));
    if (attempt) {
      return *std::move(attempt);
    }
    if (!options().read_only) {
      context().log->Warn("The index disagrees with the records; loading it again",
                          {{"model", query.model}});
      index_.Unload(query.model);
    }
  }
  if (options().read_only) {
    return ChangesTooFast();
  }
  return DataLossError(Concat("rows of model ", Quote(query.model), " cannot be read; run verify"));
}

Result<std::vector<std::string>> EmbeddedDatabase::DoModels(
    std::span<const std::string> providers) {
  EDB_TRY(FollowOtherProcess());
  const std::shared_lock lock(catalog_mutex_);
  std::vector<std::string> models;
  for (const auto& [name, model] : catalog_.models) {
    const auto& counts = model.providers;
    if (providers.empty() || std::any_of(providers.begin(), providers.end(),
                                         [&](const auto& p) { return counts.contains(p); })) {
      models.push_back(name);
    }
  }
  return models;
}

Result<std::vector<std::string>> EmbeddedDatabase::DoProviders(
    std::span<const std::string> models) {
  EDB_TRY(FollowOtherProcess());
  const std::shared_lock lock(catalog_mutex_);
  std::set<std::string> providers;
  for (const auto& [name, model] : catalog_.models) {
    if (!models.empty() && !Contains(models, name)) {
      continue;
    }
    for (const auto& [provider, count] : model.providers) {
      providers.insert(provider);
    }
  }
  return std::vector<std::string>(providers.begin(), providers.end());
}

Result<std::vector<int>> EmbeddedDatabase::DoDimensions() {
  EDB_TRY(FollowOtherProcess());
  const std::shared_lock lock(catalog_mutex_);
  std::set<int> dimensions;
  for (const auto& [name, model] : catalog_.models) {
    dimensions.insert(model.dimension);
  }
  return std::vector<int>(dimensions.begin(), dimensions.end());
}

Result<VerifyReport> EmbeddedDatabase::DoVerify() {
  const std::lock_guard lock(write_mutex_);
  VerifyReport report;
  EDB_TRY(store_->CheckFiles(report.problems));
  VerifyProblems problems(report.problems);
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, store_->Scan({}));
  VerifiedModels models;
  bool all_read = true;
  Record record;
  while (true) {
    const Result<bool> more = cursor->Next(record);
    if (!more.ok()) {
      problems.Add(more.status().ToString());
      all_read = false;
      continue;
    }
    if (!*more) {
      break;
    }
    ++report.records;
    VerifyRecord(record, models, problems);
  }
  // Another process may have written what the index of a read-only database does not know yet.
  const bool comparable = all_read && !options().read_only;
  for (const auto& [name, model] : models) {
    if (comparable && index_.IsLoaded(name) && index_.size(name) != model.records) {
      problems.Add(Concat("the index of model ", Quote(name), " has ", index_.size(name),
                          " rows, the store has ", model.records));
    }
  }
  problems.Finish();
  return report;
}

Result<DatabaseStats> EmbeddedDatabase::DoStats() {
  EDB_TRY(FollowOtherProcess());
  Catalog catalog;
  {
    const std::shared_lock lock(catalog_mutex_);
    catalog = catalog_;
  }
  return GatherStats({options(), catalog, *store_, files_, index_});
}

/// Of one model. Until the graph is there, searches compare all its vectors.
Status EmbeddedDatabase::ReindexOne(ReindexedModel& model) {
  {
    const std::lock_guard lock(write_mutex_);
    const std::size_t rows = RowsOf(model.model);
    model.rows = static_cast<std::int64_t>(rows);
    model.indexed = rows > 0 && !store_->searches() && index_.IsWorthwhile(rows);
    if (!model.indexed) {
      EDB_TRY(files_.Remove(model.model));
      index_.Unload(model.model);
      return {};
    }
    EDB_TRY(index_.LoadAnew(model.model, SourceOf(model.model)));
  }
  return index_.Build(model.model);
}

Status EmbeddedDatabase::DoReindex(const std::vector<std::string>& models, bool all,
                                   const ReindexProgress& progress) {
  const std::lock_guard one_at_a_time(reindex_mutex_);
  if (all) {
    EDB_TRY(files_.RemoveOthers(models));
  }
  for (const std::string& name : models) {
    const auto start = std::chrono::steady_clock::now();
    ReindexedModel model{.model = name};
    EDB_TRY(ReindexOne(model).WithContext(Concat("model ", Quote(name))));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    model.seconds = taken.count();
    progress(model);
  }
  return {};
}

/// Writes index files anew that have rows which are gone.
Status EmbeddedDatabase::CompactIndexes() {
  EDB_ASSIGN(const std::vector<std::string> models, DoModels({}));
  EDB_TRY(files_.RemoveOthers(models));
  for (const std::string& name : models) {
    if (files_.BytesOf(name) == 0) {
      continue;
    }
    {
      const std::lock_guard lock(write_mutex_);
      EDB_TRY(LoadIndex(name));
    }
    const auto stats = index_.StatsOf(name);
    if (stats && stats->gone > 0) {
      ReindexedModel model{.model = name};
      EDB_TRY(ReindexOne(model));
    }
  }
  return {};
}

Status EmbeddedDatabase::DoCompact(CompactReport& report) {
  EDB_ASSIGN(const DatabaseStats before, DoStats());
  report.before = before.files;
  Status compacted;
  {
    const std::lock_guard lock(write_mutex_);
    compacted = store_->Compact();
  }
  if (compacted.code() == StatusCode::kAborted) {
    index_.Stop();  // it uses the store
    MarkClosed();
  }
  EDB_TRY(compacted);
  EDB_TRY(CompactIndexes().WithContext("the records are compacted, but not the indexes"));
  EDB_ASSIGN(const DatabaseStats after, DoStats());
  report.after = after.files;
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> OpenEmbeddedDatabase(std::unique_ptr<RecordStore> store,
                                                       EngineOptions options,
                                                       const Context& context) {
  auto database = std::make_unique<EmbeddedDatabase>(std::move(store), std::move(options), context);
  EDB_TRY(database->LoadCatalog());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace embeddingsdb
