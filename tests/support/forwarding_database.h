// SPDX-License-Identifier: BSD-3-Clause
//
// A database that hands every call to another: the base of those that change one.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_FORWARDING_DATABASE_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_FORWARDING_DATABASE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"

namespace embeddingsdb {

/// Forwards everything to `base`. Add goes through AddBatch and RemoveBatch through Remove, so who
/// changes the one changes both.
class ForwardingDatabase : public Database {
 public:
  explicit ForwardingDatabase(std::unique_ptr<Database> base) : base_(std::move(base)) {}

  Result<AddReport> Add(const Record& record) final { return AddBatch({&record, 1}, {}); }
  Result<AddReport> AddBatch(std::span<const Record> records, const AddOptions& options) override {
    return base_->AddBatch(records, options);
  }
  std::int64_t Pending() const override { return base_->Pending(); }
  Status Flush() override { return base_->Flush(); }
  Result<Record> Get(const Key& key) override { return base_->Get(key); }
  Result<bool> Remove(const Key& key) override { return base_->Remove(key); }
  Result<RecordPage> List(const ListQuery& query) override { return base_->List(query); }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override {
    return base_->Scan(filters);
  }
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override {
    return base_->Similar(query);
  }
  Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) override {
    return base_->SimilarById(query);
  }
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override {
    return base_->Count(filters);
  }
  Result<FacetCounts> Facets(const FacetQuery& query) override { return base_->Facets(query); }
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
  Result<DatabaseStats> Stats() override { return base_->Stats(); }
  Result<std::vector<ReindexedModel>> Reindex(const std::string& model,
                                              const ReindexProgress& progress) override {
    return base_->Reindex(model, progress);
  }
  Result<CompactReport> Compact() override { return base_->Compact(); }
  Capabilities capabilities() const override { return base_->capabilities(); }
  std::string uri() const override { return base_->uri(); }
  Status Close() override { return base_->Close(); }

 protected:
  Database& base() { return *base_; }

 private:
  std::unique_ptr<Database> base_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_FORWARDING_DATABASE_H_
