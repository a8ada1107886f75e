// SPDX-License-Identifier: BSD-3-Clause
//
// A database with one planted fault, for canaries: a harness that does not find it proves nothing.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_

#include <memory>
#include <ostream>
#include <span>
#include <utility>
#include <vector>

#include "engines/database_base.h"
#include "support/forwarding_database.h"

namespace embeddingsdb {

enum class Fault {
  kRemoveForgets,        ///< Remove answers, but the record stays
  kFilterAfterTopK,      ///< the provider filter is applied after the top k, as go-embeddingsdb's
                         ///< SQLite
  kHidesDuplicates,      ///< records at distance 0 are dropped, as go-embeddingsdb does
  kScanDropsLast,        ///< the last record of a scan is lost, as go-embeddingsdb's import does
  kReplaceKeepsSubject,  ///< replacing a record leaves its old subject
  kAttributesAfterTopK,  ///< filters by attributes are applied after the top k
  kGroupsAfterTopK,      ///< subjects are collapsed after the top k
  kFacetsOfAll,          ///< facets are counted without the filters
};

inline std::ostream& operator<<(std::ostream& os, Fault fault) {
  return os << "fault " << static_cast<int>(fault);
}

/// Forwards everything to `base` but for the fault.
class FaultyDatabase final : public ForwardingDatabase {
 public:
  FaultyDatabase(std::unique_ptr<Database> base, Fault fault)
      : ForwardingDatabase(std::move(base)), fault_(fault) {}

  Result<AddReport> AddBatch(std::span<const Record> records, const AddOptions& options) override {
    std::vector<Record> changed(records.begin(), records.end());
    for (Record& record : changed) {
      const Result<Record> old = base().Get(record.key);
      if (fault_ == Fault::kReplaceKeepsSubject && old.ok()) {
        record.subject_id = old->subject_id;
      }
    }
    return base().AddBatch(changed, options);
  }
  Result<bool> Remove(const Key& key) override {
    if (fault_ == Fault::kRemoveForgets) {
      return base().Get(key).ok();
    }
    return base().Remove(key);
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

 private:
  class LosingCursor;

  Fault fault_;
};

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
