// SPDX-License-Identifier: BSD-3-Clause
//
// A database with one planted fault, for canaries: a harness that does not find it proves nothing.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engines/database_base.h"
#include "support/forwarding_database.h"
#include "support/records.h"

namespace embeddingsdb {

enum class Fault {
  kRemoveForgets,        ///< Remove answers, but the record stays
  kRemoveBatchLeaves,    ///< RemoveBatch leaves the first record, but counts it
  kFilterAfterTopK,      ///< the provider filter is applied after the top k, as go-embeddingsdb's
                         ///< SQLite
  kHidesDuplicates,      ///< records at distance 0 are dropped, as go-embeddingsdb does
  kScanDropsLast,        ///< the last record of a scan is lost, as go-embeddingsdb's import does
  kReplaceKeepsSubject,  ///< replacing a record leaves its old subject
  kAttributesAfterTopK,  ///< filters by attributes are applied after the top k
  kGroupsAfterTopK,      ///< subjects are collapsed after the top k
  kFacetsOfAll,          ///< facets are counted without the filters
  kFailStoresOthers,     ///< on-duplicate fail refuses, but stores those whose key was free
  kSkipReplaces,         ///< on-duplicate skip replaces, and says that it skipped
  kNewestIsLast,         ///< on-duplicate newest does not look at the times
  kDryRunStores,         ///< a dry run stores
  kStatsCountGone,       ///< Stats count removed records
  kStatsForgetModel,     ///< Stats leave out the last model
  kReindexDoesNothing,   ///< Reindex answers, but makes no index
  kReindexDropsRecords,  ///< every second record is gone after Reindex
  kCompactDoesNothing,   ///< Compact answers, but the files stay as large as they were
  kCompactDropsLast,     ///< the last record is gone after Compact
};

inline std::ostream& operator<<(std::ostream& os, Fault fault) {
  return os << "fault " << static_cast<int>(fault);
}

/// Forwards everything to `base` but for the fault.
class FaultyDatabase final : public ForwardingDatabase {
 public:
  FaultyDatabase(std::unique_ptr<Database> base, Fault fault)
      : ForwardingDatabase(std::move(base)), fault_(fault) {}

  Result<AddReport> AddBatch(std::span<const Record> records, const AddOptions& options) override;
  Result<bool> Remove(const Key& key) override {
    if (fault_ == Fault::kRemoveForgets) {
      return base().Get(key).ok();
    }
    Result<bool> removed = base().Remove(key);
    removed_ += removed.ok() && *removed ? 1 : 0;
    return removed;
  }
  Result<std::int64_t> RemoveBatch(std::span<const Key> keys) override {
    if (fault_ != Fault::kRemoveBatchLeaves || keys.empty()) {
      return ForwardingDatabase::RemoveBatch(keys);
    }
    EDB_ASSIGN(const std::int64_t removed, base().RemoveBatch(keys.subspan(1)));
    return removed + (base().Get(keys.front()).ok() ? 1 : 0);
  }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override;
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override;
  Result<FacetCounts> Facets(const FacetQuery& query) override {
    FacetQuery asked = query;
    if (fault_ == Fault::kFacetsOfAll) {
      asked.filters.clear();
    }
    return base().Facets(asked);
  }
  Result<DatabaseStats> Stats() override;
  Result<std::vector<ReindexedModel>> Reindex(const std::string& model,
                                              const ReindexProgress& progress) override;
  Result<CompactReport> Compact() override;

 private:
  class LosingCursor;

  Fault fault_;
  std::int64_t removed_ = 0;
};

inline Result<AddReport> FaultyDatabase::AddBatch(std::span<const Record> records,
                                                  const AddOptions& options) {
  std::vector<Record> changed(records.begin(), records.end());
  for (Record& record : changed) {
    const Result<Record> old = base().Get(record.key);
    if (fault_ == Fault::kReplaceKeepsSubject && old.ok()) {
      record.subject_id = old->subject_id;
    }
  }
  AddOptions asked = options;
  const bool skip = fault_ == Fault::kSkipReplaces && options.on_duplicate == OnDuplicate::kSkip;
  const bool newest =
      fault_ == Fault::kNewestIsLast && options.on_duplicate == OnDuplicate::kNewest;
  if (skip || newest) {
    asked.on_duplicate = OnDuplicate::kOverwrite;
  }
  if (fault_ == Fault::kDryRunStores) {
    asked.dry_run = false;
  }
  Result<AddReport> report = base().AddBatch(changed, asked);
  if (skip && report.ok()) {
    report->skipped = std::exchange(report->replaced, 0);
  }
  if (fault_ == Fault::kFailStoresOthers && !report.ok()) {
    EDB_TRY(base().AddBatch(changed, {.on_duplicate = OnDuplicate::kSkip}).status());
  }
  return report;
}

inline Result<DatabaseStats> FaultyDatabase::Stats() {
  EDB_ASSIGN(DatabaseStats stats, base().Stats());
  if (fault_ == Fault::kStatsCountGone) {
    stats.records += removed_;
  }
  if (fault_ == Fault::kStatsForgetModel && !stats.models.empty()) {
    stats.models.pop_back();
  }
  return stats;
}

inline Result<std::vector<ReindexedModel>> FaultyDatabase::Reindex(
    const std::string& model, const ReindexProgress& progress) {
  if (fault_ == Fault::kReindexDoesNothing) {
    EDB_ASSIGN(const DatabaseStats stats, base().Stats());
    std::vector<ReindexedModel> done;
    for (const ModelStats& one : stats.models) {
      done.push_back({.model = one.name, .rows = one.records, .indexed = true, .seconds = 1});
    }
    return done;
  }
  EDB_ASSIGN(std::vector<ReindexedModel> done, base().Reindex(model, progress));
  if (fault_ == Fault::kReindexDropsRecords) {
    EDB_ASSIGN(const std::vector<Record> records, ScanAll(base()));
    for (std::size_t i = 0; i < records.size(); i += 2) {
      EDB_TRY(base().Remove(records[i].key).status());
    }
  }
  return done;
}

inline Result<CompactReport> FaultyDatabase::Compact() {
  if (fault_ == Fault::kCompactDoesNothing) {
    EDB_ASSIGN(const DatabaseStats stats, base().Stats());
    return CompactReport{.uri = uri(), .before = stats.files, .after = stats.files, .members = {}};
  }
  EDB_ASSIGN(CompactReport report, base().Compact());
  if (fault_ == Fault::kCompactDropsLast) {
    EDB_ASSIGN(const std::vector<Record> records, ScanAll(base()));
    EDB_TRY(base().Remove(records.back().key).status());
  }
  return report;
}

/// Reads one record ahead and never hands out the last.
class FaultyDatabase::LosingCursor final : public RecordCursor {
 public:
  explicit LosingCursor(std::unique_ptr<RecordCursor> base) : base_(std::move(base)) {}

  Result<bool> Next(Record& record) override {
    if (!started_) {
      EDB_ASSIGN(more_, base_->Next(ahead_));
      started_ = true;
    }
    std::swap(record, ahead_);
    if (more_) {
      EDB_ASSIGN(more_, base_->Next(ahead_));
    }
    return more_;
  }

 private:
  std::unique_ptr<RecordCursor> base_;
  Record ahead_;
  bool started_ = false;
  bool more_ = false;
};

inline Result<std::unique_ptr<RecordCursor>> FaultyDatabase::Scan(
    const std::vector<Filter>& filters) {
  EDB_ASSIGN(std::unique_ptr<RecordCursor> cursor, base().Scan(filters));
  if (fault_ != Fault::kScanDropsLast) {
    return cursor;
  }
  return std::unique_ptr<RecordCursor>(std::make_unique<LosingCursor>(std::move(cursor)));
}

inline Result<std::vector<SimilarRecord>> FaultyDatabase::Similar(const SimilarQuery& query) {
  SimilarQuery asked = query;
  if (fault_ == Fault::kFilterAfterTopK) {
    asked.provider.reset();
  }
  if (fault_ == Fault::kAttributesAfterTopK) {
    asked.filters.clear();
  }
  if (fault_ == Fault::kGroupsAfterTopK) {
    asked.group_by = GroupBy::kNone;
  }
  EDB_ASSIGN(std::vector<SimilarRecord> found, base().Similar(asked));
  if (query.group_by == GroupBy::kSubject) {
    KeepNearestOfSubjects(found);
  }
  std::erase_if(found, [&](const SimilarRecord& record) {
    if (fault_ == Fault::kHidesDuplicates) {
      return record.distance == 0;
    }
    if (!Matches({record.key, record.subject_id, {}, 0, record.attributes}, query.filters)) {
      return true;
    }
    return query.provider.has_value() && record.key.provider != *query.provider;
  });
  return found;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_
