// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/database_client.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/record_bytes.h"
#include "rpc/bulk_adder.h"

namespace embeddingsdb {
namespace {

class DatabaseClient final : public Client {
 public:
  explicit DatabaseClient(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Status Add(const Record& record) override { return database_->Add(record).status(); }
  ImportReport AddRecords(RecordCursor& source, const ImportProgress& progress) override;
  Result<Record> Get(const Key& key) override { return database_->Get(key); }
  Status Remove(const Key& key) override { return database_->Remove(key).status(); }
  Result<RecordPage> List(const ListQuery& query) override { return database_->List(query); }
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override {
    return database_->Scan(filters);
  }
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override {
    return database_->Similar(query);
  }
  Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) override {
    return database_->SimilarById(query);
  }
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override {
    return database_->Count(filters);
  }
  Result<FacetCounts> Facets(const FacetQuery& query) override { return database_->Facets(query); }
  Result<std::vector<std::string>> Models(std::span<const std::string> providers) override {
    return database_->Models(providers);
  }
  Result<std::vector<std::string>> Providers(std::span<const std::string> models) override {
    return database_->Providers(models);
  }
  Result<std::vector<int>> Dimensions() override { return database_->Dimensions(); }
  Result<PaginationType> Pagination() override { return database_->pagination_type(); }
  Status Close() override { return database_->Close(); }

 private:
  const std::unique_ptr<Database> database_;
};

ImportReport DatabaseClient::AddRecords(RecordCursor& source, const ImportProgress& progress) {
  BulkAdder adder(*database_);
  std::vector<Record> batch;
  Status source_status;
  bool more = true;
  while (more && adder.report().status.ok()) {
    std::size_t bytes = 0;
    batch.clear();
    while (batch.size() < kCommitRecords && bytes < kCommitBytes) {
      Record& record = batch.emplace_back();
      const Result<bool> next = source.Next(record);
      more = next.ok() && *next;
      source_status = next.status();
      if (!more) {
        batch.pop_back();
        break;
      }
      bytes += RecordBytes(record);
    }
    adder.Add(batch).IgnoreError("kept in the report");
    if (progress && !batch.empty()) {
      progress(adder.report().acknowledged);
    }
  }
  ImportReport report = adder.report();
  if (report.status.ok()) {
    report.status = source_status;
  }
  return report;
}

}  // namespace

std::unique_ptr<Client> NewDatabaseClient(std::unique_ptr<Database> database) {
  return std::make_unique<DatabaseClient>(std::move(database));
}

Result<std::unique_ptr<Client>> OpenDatabaseClient(const Uri& uri, const Context& context) {
  constexpr auto kOptions = std::to_array<std::string_view>({"database-uri"});
  EDB_TRY(uri.CheckOptions(kOptions));
  const std::string database_uri = uri.Option("database-uri").value_or("");
  if (database_uri.empty()) {
    return InvalidArgumentError("Missing database URI");
  }
  EDB_ASSIGN(auto database, context.registry->OpenDatabase(database_uri, context));
  return NewDatabaseClient(std::move(database));
}

Result<std::unique_ptr<Client>> OpenNullClient(const Uri& uri, const Context& context) {
  EDB_ASSIGN(auto database, context.registry->OpenDatabase(uri.Serialize(), context));
  return NewDatabaseClient(std::move(database));
}

}  // namespace embeddingsdb
