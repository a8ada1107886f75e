// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/grpc_client.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/text.h"
#include "rpc/bulk_client.h"
#include "rpc/connection.h"
#include "rpc/convert_stats.h"

namespace embeddingsdb {
namespace {

using LegacyStub = Connection::LegacyStub;
using V1Stub = Connection::V1Stub;

class GrpcClient final : public Client {
 public:
  explicit GrpcClient(std::shared_ptr<Connection> connection)
      : connection_(std::move(connection)) {}

  Status Add(const Record& record) override;
  using Client::AddRecords;
  ImportReport AddRecords(RecordCursor& source, const AddOptions& options,
                          const ImportProgress& progress) override;
  Result<Record> Get(const Key& key) override;
  Status Remove(const Key& key) override;
  Result<RecordPage> List(const ListQuery& query) override;
  Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) override;
  Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) override;
  Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) override;
  Result<std::int64_t> Count(const std::vector<Filter>& filters) override;
  Result<FacetCounts> Facets(const FacetQuery& query) override;
  Result<std::vector<std::string>> Models(std::span<const std::string> providers) override;
  Result<std::vector<std::string>> Providers(std::span<const std::string> models) override;
  Result<std::vector<int>> Dimensions() override;
  Result<PaginationType> Pagination() override;
  Result<DatabaseStats> Stats() override;
  Status Close() override { return {}; }

 private:
  Result<std::vector<SimilarRecord>> LegacySimilar(const SimilarQuery& query);
  Result<std::vector<SimilarRecord>> LegacySimilarById(const SimilarByIdQuery& query);
  Result<std::vector<std::string>> LegacyProviders(std::span<const std::string> models);

  const std::shared_ptr<Connection> connection_;
};

template <typename Messages>
std::vector<SimilarRecord> SimilarRecordsFrom(const Messages& messages, const std::string& model) {
  std::vector<SimilarRecord> records;
  records.reserve(static_cast<std::size_t>(messages.size()));
  for (const auto& message : messages) {
    records.push_back(SimilarFrom(message, model));
  }
  return records;
}

/// kUnimplemented when the query has what go-embeddingsdb's service cannot say.
template <typename Query>
Status RefuseV1Options(const Query& query) {
  if (!query.filters.empty() || query.group_by != GroupBy::kNone) {
    return UnimplementedError("this server does not offer filters or groups of similar records");
  }
  return {};
}

template <typename Texts>
std::vector<std::string> StringsFrom(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

Status GrpcClient::Add(const Record& record) {
  EDB_TRY(Validate(record));
  legacy::AddRecordRequest request;
  FillRecord(record, *request.mutable_record());
  return connection_->Call(&LegacyStub::AddRecord, request).status();
}

ImportReport GrpcClient::AddRecords(RecordCursor& source, const AddOptions& options,
                                    const ImportProgress& progress) {
  if (!connection_->lacks_v1()) {
    if (auto report = StreamRecords(*connection_, source, {options, progress})) {
      return *std::move(report);
    }
  }
  ImportReport report;
  if (options != AddOptions()) {
    report.status =
        UnimplementedError("this server can only replace records that have the same key");
    return report;
  }
  Record record;
  while (true) {
    const Result<bool> more = source.Next(record);
    report.status = more.status();
    if (!more.ok() || !*more) {
      return report;
    }
    report.status = Add(record);
    if (!report.status.ok()) {
      report.status = report.status.WithContext(
          Concat("record ", report.acknowledged, " (", Quote(DisplayKey(record.key)), ")"));
      return report;
    }
    ++report.records.added;
    ++report.acknowledged;
    if (progress) {
      progress(report.acknowledged);
    }
  }
}

Result<Record> GrpcClient::Get(const Key& key) {
  EDB_TRY(ValidateKey(key));
  legacy::GetRecordRequest request;
  FillKey(key, request);
  EDB_ASSIGN(auto response, connection_->Call(&LegacyStub::GetRecord, request));
  Record record;
  TakeRecord(*response.mutable_record(), record);
  return record;
}

Status GrpcClient::Remove(const Key& key) {
  EDB_TRY(ValidateKey(key));
  legacy::RemoveRecordRequest request;
  FillKey(key, request);
  return connection_->Call(&LegacyStub::RemoveRecord, request).status();
}

Result<RecordPage> GrpcClient::List(const ListQuery& query) {
  EDB_TRY(ValidateListQuery(query));
  return ListPage(*connection_, query);
}

Result<std::unique_ptr<RecordCursor>> GrpcClient::Scan(const std::vector<Filter>& filters) {
  EDB_TRY(ValidateFilters(filters));
  if (!connection_->lacks_v1()) {
    auto cursor = ScanStream(connection_, filters);
    if (cursor.ok() || !connection_->lacks_v1()) {
      return cursor;
    }
  }
  EDB_TRY(RefuseWithoutV1(filters));
  return ScanPages(connection_, filters);
}

Result<std::vector<SimilarRecord>> GrpcClient::Similar(const SimilarQuery& query) {
  EDB_TRY(ValidateSimilarQuery(query));
  if (connection_->lacks_v1()) {
    return LegacySimilar(query);
  }
  v1::SimilarRecordsRequest request;
  FillSimilarQuery(query, request);
  if (query.exclude_record) {
    FillKey(*query.exclude_record, *request.mutable_exclude_record());
  }
  request.set_exact(query.exact);
  FillV1Options(query, request);
  auto response = connection_->Call(&V1Stub::SimilarRecords, request);
  if (response.ok()) {
    return SimilarRecordsFrom(response->records(), query.model);
  }
  return connection_->lacks_v1() ? LegacySimilar(query) : response.status();
}

Result<std::vector<SimilarRecord>> GrpcClient::LegacySimilar(const SimilarQuery& query) {
  if (query.exact) {
    return UnimplementedError("this server does not offer exact search by request");
  }
  EDB_TRY(RefuseV1Options(query));
  legacy::SimilarRecordsRequest request;
  FillSimilarQuery(query, request);
  EDB_ASSIGN(auto response, connection_->Call(&LegacyStub::SimilarRecords, request));
  auto records = SimilarRecordsFrom(response.records(), query.model);
  if (!query.exclude_record) {
    return records;
  }
  // The protocol can leave out depiction ids only, whoever provides them: leave the one record out
  // here, and when that makes the answer too short ask for one more.
  const auto excluded = [&](const SimilarRecord& one) { return one.key == *query.exclude_record; };
  if (std::erase_if(records, excluded) == 0) {
    return records;
  }
  request.set_max_results(response.records_size() + 1);
  EDB_ASSIGN(response, connection_->Call(&LegacyStub::SimilarRecords, request));
  records = SimilarRecordsFrom(response.records(), query.model);
  std::erase_if(records, excluded);
  return records;
}

Result<std::vector<SimilarRecord>> GrpcClient::SimilarById(const SimilarByIdQuery& query) {
  EDB_TRY(ValidateKey(query.key));
  EDB_TRY(ValidateFilters(query.filters));
  if (query.filters.empty() && query.group_by == GroupBy::kNone) {
    return LegacySimilarById(query);
  }
  if (!connection_->lacks_v1()) {
    v1::SimilarRecordsByIdRequest request;
    FillKey(query.key, *request.mutable_key());
    FillSearchOptions(query, request);
    FillV1Options(query, request);
    const auto response = connection_->Call(&V1Stub::SimilarRecordsById, request);
    if (response.ok()) {
      return SimilarRecordsFrom(response->records(), query.key.model);
    }
    EDB_TRY(connection_->lacks_v1() ? Status() : response.status());
  }
  return RefuseV1Options(query);
}

Result<std::vector<SimilarRecord>> GrpcClient::LegacySimilarById(const SimilarByIdQuery& query) {
  legacy::SimilarRecordsByIdRequest request;
  FillKey(query.key, request);
  FillSearchOptions(query, request);
  EDB_ASSIGN(const auto response, connection_->Call(&LegacyStub::SimilarRecordsById, request));
  return SimilarRecordsFrom(response.records(), query.key.model);
}

Result<std::int64_t> GrpcClient::Count(const std::vector<Filter>& filters) {
  EDB_TRY(ValidateFilters(filters));
  if (!connection_->lacks_v1()) {
    v1::CountRecordsRequest request;
    FillFilters(filters, *request.mutable_filters());
    const auto response = connection_->Call(&V1Stub::CountRecords, request);
    if (response.ok()) {
      return response->count();
    }
    if (!connection_->lacks_v1()) {
      return response.status();
    }
  }
  EDB_ASSIGN(const RecordPage page, ListPage(*connection_, {.per_page = 1, .filters = filters}));
  return page.total;
}

Result<FacetCounts> GrpcClient::Facets(const FacetQuery& query) {
  EDB_TRY(ValidateFacetQuery(query));
  v1::GetFacetsRequest request;
  request.set_by(FilterName({.column = query.by, .value = {}, .attribute = query.attribute}));
  FillFilters(query.filters, *request.mutable_filters());
  request.set_limit(query.limit);
  auto response = connection_->Call(&V1Stub::GetFacets, request);
  if (!response.ok()) {
    return connection_->lacks_v1() ? UnimplementedError("this server does not offer facets")
                                   : response.status();
  }
  FacetCounts counts = {
      .facets = {}, .distinct = response->distinct(), .records = response->records()};
  for (auto& facet : *response->mutable_facets()) {
    counts.facets.push_back({std::move(*facet.mutable_value()), facet.count()});
  }
  return counts;
}

Result<DatabaseStats> GrpcClient::Stats() {
  auto response = connection_->Call(&V1Stub::GetStats, v1::GetStatsRequest());
  if (!response.ok()) {
    return connection_->lacks_v1() ? UnimplementedError("this server does not offer statistics")
                                   : response.status();
  }
  return StatsFrom(*response);
}

Result<std::vector<std::string>> GrpcClient::Models(std::span<const std::string> providers) {
  legacy::GetModelsRequest request;
  request.mutable_provider()->Add(providers.begin(), providers.end());
  EDB_ASSIGN(const auto response, connection_->Call(&LegacyStub::GetModels, request));
  return StringsFrom(response.model());
}

Result<std::vector<std::string>> GrpcClient::Providers(std::span<const std::string> models) {
  if (models.empty() || connection_->lacks_v1()) {
    return LegacyProviders(models);
  }
  v1::GetProvidersRequest request;
  request.mutable_models()->Add(models.begin(), models.end());
  const auto response = connection_->Call(&V1Stub::GetProviders, request);
  if (response.ok()) {
    return StringsFrom(response->providers());
  }
  return connection_->lacks_v1() ? LegacyProviders(models) : response.status();
}

Result<std::vector<std::string>> GrpcClient::LegacyProviders(std::span<const std::string> models) {
  EDB_ASSIGN(const auto response,
             connection_->Call(&LegacyStub::GetProviders, legacy::GetProvidersRequest()));
  const std::vector<std::string> providers = StringsFrom(response.provider());
  if (models.empty()) {
    return providers;
  }
  // The protocol has no restriction here, but it has the inverse one.
  const std::set<std::string> wanted(models.begin(), models.end());
  std::vector<std::string> matching;
  for (const std::string& provider : providers) {
    EDB_ASSIGN(const auto theirs, Models({&provider, 1}));
    if (std::any_of(theirs.begin(), theirs.end(),
                    [&](const std::string& model) { return wanted.contains(model); })) {
      matching.push_back(provider);
    }
  }
  return matching;
}

Result<std::vector<int>> GrpcClient::Dimensions() {
  EDB_ASSIGN(const auto response,
             connection_->Call(&LegacyStub::GetDimensions, legacy::GetDimensionsRequest()));
  return std::vector<int>(response.dimensions().begin(), response.dimensions().end());
}

Result<PaginationType> GrpcClient::Pagination() {
  EDB_ASSIGN(const auto response,
             connection_->Call(&LegacyStub::GetPaginationType, legacy::GetPaginationTypeRequest()));
  for (const PaginationType type :
       {PaginationType::kNull, PaginationType::kCountable, PaginationType::kCursor}) {
    if (response.pagination_type() == PaginationTypeName(type)) {
      return type;
    }
  }
  return UnimplementedError(
      Concat("the server pages in a way unknown here: ", Quote(response.pagination_type())));
}

}  // namespace

Result<std::unique_ptr<Client>> OpenGrpcClient(const Uri& uri, const Context& context) {
  EDB_ASSIGN(auto connection, Connection::Open(uri, context));
  return std::unique_ptr<Client>(std::make_unique<GrpcClient>(std::move(connection)));
}

}  // namespace embeddingsdb
