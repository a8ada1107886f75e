// SPDX-License-Identifier: BSD-3-Clause
//
// A database with one planted fault, for canaries: a harness that does not find it proves nothing.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"

namespace embeddingsdb {

enum class Fault {
  kRemoveForgets,        ///< Remove answers, but the record stays
  kFilterAfterTopK,      ///< the provider filter is applied after the top k, as go-embeddingsdb's
                         ///< SQLite
  kHidesDuplicates,      ///< records at distance 0 are dropped, as go-embeddingsdb does
  kScanDropsLast,        ///< the last record of a scan is lost, as go-embeddingsdb's import does
  kReplaceKeepsSubject,  ///< replacing a record leaves its old subject
};

inline std::ostream& operator<<(std::ostream& os, Fault fault) {
  return os << "fault " << static_cast<int>(fault);
}

/// Forwards everything to `base` but for the fault.
class FaultyDatabase final : public Database {
 public:
  FaultyDatabase(std::unique_ptr<Database> base, Fault fault)
      : base_(std::move(base)), fault_(fault) {}

  Result<AddReport> Add(const Record& record) override { return AddBatch({&record, 1}); }
  Result<AddReport> AddBatch(std::span<const Record> records) override {
    std::vector<Record> changed(records.begin(), records.end());
    for (Record& record : changed) {
      const Result<Record> old = base_->Get(record.key);
      if (fault_ == Fault::kReplaceKeepsSubject && old.ok()) {
        record.subject_id = old->subject_id;
      }
    }
    return base_->AddBatch(changed);
  }
  std::int64_t Pending() const override { return base_->Pending(); }
  Status Flush() override { return base_->Flush(); }
  Result<Record> Get(const Key& key) override { return base_->Get(key); }
  Result<bool> Remove(const Key& key) override {
    if (fault_ == Fault::kRemoveForgets) {
      return base_->Get(key).ok();
    }
    return base_->Remove(key);
  }
  Result<RecordPage> List(const ListQuery& query) override { return base_->List(query); }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override;
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override;
  Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) override {
    return base_->SimilarById(query);
  }
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override {
    return base_->Count(filters);
  }
  Result<std::vector<std::string>> Models(std::span<const std::string> providers) override {
    return base_->Models(providers);
  }
  Result<std::vector<std::string>> Providers(std::span<const std::string> models) override {
    return base_->Providers(models);
  }
  Result<std::vector<int>> Dimensions() override { return base_->Dimensions(); }
  Result<std::int64_t> LastUpdate() override { return base_->LastUpdate(); }
  PaginationType pagination_type() const override { return base_->pagination_type(); }
  Status Export(const std::string& path) override { return base_->Export(path); }
  Result<VerifyReport> Verify() override { return base_->Verify(); }
  Capabilities capabilities() const override { return base_->capabilities(); }
  std::string uri() const override { return base_->uri(); }
  Status Close() override { return base_->Close(); }

 private:
  class LosingCursor;

  std::unique_ptr<Database> base_;
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
  EDB_ASSIGN(std::unique_ptr<RecordCursor> cursor, base_->Scan(filters));
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
  EDB_ASSIGN(std::vector<SimilarRecord> found, base_->Similar(asked));
  std::erase_if(found, [&](const SimilarRecord& record) {
    if (fault_ == Fault::kHidesDuplicates) {
      return record.distance == 0;
    }
    return query.provider.has_value() && record.key.provider != *query.provider;
  });
  return found;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_FAULTY_DATABASE_H_
