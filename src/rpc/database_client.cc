// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/database_client.h"

#include <array>
#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/record_bytes.h"
#include "core/side_thread.h"
#include "rpc/bulk_adder.h"

namespace embeddingsdb {
namespace {

class DatabaseClient final : public Client {
 public:
  explicit DatabaseClient(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Status Add(const Record& record) override { return database_->Add(record).status(); }
  using Client::AddRecords;
  ImportReport AddRecords(RecordCursor& source, const AddOptions& options,
                          const ImportProgress& progress) override;
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
  Result<DatabaseStats> Stats() override { return database_->Stats(); }
  Status Close() override { return database_->Close(); }

 private:
  const std::unique_ptr<Database> database_;
};

struct Batch {
  std::vector<Record> records;
  bool last = false;
  Status status;  // of the source
};

void ReadBatch(RecordCursor& source, Batch& batch) {
  batch.records.clear();
  std::size_t bytes = 0;
  while (batch.records.size() < kCommitRecords && bytes < kCommitBytes) {
    Record& record = batch.records.emplace_back();
    const Result<bool> next = source.Next(record);
    if (!next.ok() || !*next) {
      batch.records.pop_back();
      batch.last = true;
      batch.status = next.status();
      return;
    }
    bytes += RecordBytes(record);
  }
}

// A batch is read, on this thread, while another commits the one before.
ImportReport DatabaseClient::AddRecords(RecordCursor& source, const AddOptions& options,
                                        const ImportProgress& progress) {
  BulkAdder adder(*database_, options);
  std::array<Batch, 2> batches;
  std::future<void> commit;
  SideThread committer;  // waits when destroyed
  const auto committed = [&] {
    if (commit.valid()) {
      commit.get();
      if (progress) {
        progress(adder.report().acknowledged);
      }
    }
    return adder.report().status.ok();
  };
  Batch* batch = nullptr;
  do {
    batch = batch == &batches[0] ? &batches[1] : &batches[0];
    ReadBatch(source, *batch);
    if (!committed()) {
      return adder.report();
    }
    if (!batch->records.empty()) {
      commit = committer.Run(
          [&adder, batch] { adder.Add(batch->records).IgnoreError("kept in the report"); });
    }
  } while (!batch->last);
  committed();
  ImportReport report = adder.report();
  if (report.status.ok()) {
    report.status = batch->status;
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
