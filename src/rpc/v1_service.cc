// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/v1_service.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/record_bytes.h"
#include "rpc/convert.h"
#include "rpc/convert_stats.h"

namespace embeddingsdb {

grpc::Status V1Service::ScanRecords(grpc::ServerContext* context,
                                    const v1::ScanRecordsRequest* request,
                                    grpc::ServerWriter<v1::ScanRecordsResponse>* writer) {
  return gate_.Run(*context, "scan records", [&] { return Scan(*context, *request, *writer); });
}

Status V1Service::Scan(grpc::ServerContext& context, const v1::ScanRecordsRequest& request,
                       grpc::ServerWriter<v1::ScanRecordsResponse>& writer) {
  EDB_ASSIGN(const std::vector<Filter> filters, FiltersFrom(request.filters()));
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, database_.Scan(filters));
  // One message and one record for the whole scan: both keep their buffers.
  v1::ScanRecordsResponse message;
  Record record;
  std::size_t bytes = 0;
  while (true) {
    EDB_ASSIGN(const bool more, cursor->Next(record));
    if (more) {
      FillRecord(record, *message.add_records());
      bytes += RecordBytes(record);
    }
    if (message.records_size() > 0 && (!more || bytes >= kStreamMessageBytes)) {
      if (context.IsCancelled() || !writer.Write(message)) {
        return CancelledError("the call was cancelled");
      }
      message.Clear();
      bytes = 0;
    }
    if (!more) {
      return {};
    }
  }
}

grpc::Status V1Service::ListRecords(grpc::ServerContext* context,
                                    const v1::ListRecordsRequest* request,
                                    v1::ListRecordsResponse* response) {
  return gate_.Run(*context, "list records", [&]() -> Status {
    ListQuery query;
    query.page = request->page() == 0 ? query.page : request->page();
    query.per_page = request->per_page() == 0 ? query.per_page : request->per_page();
    EDB_ASSIGN(query.filters, FiltersFrom(request->filters()));
    query.cursor = request->cursor();
    EDB_ASSIGN(const RecordPage page, database_.List(query));
    for (const Record& record : page.records) {
      FillRecord(record, *response->add_records());
    }
    response->set_total(page.total);
    response->set_page(page.page);
    response->set_per_page(page.per_page);
    response->set_pages(page.pages);
    response->set_next_cursor(page.next_cursor);
    return CheckPageSize(*response, max_answer_bytes_);
  });
}

grpc::Status V1Service::GetFacets(grpc::ServerContext* context, const v1::GetFacetsRequest* request,
                                  v1::GetFacetsResponse* response) {
  return gate_.Run(*context, "count facets", [&]() -> Status {
    EDB_ASSIGN(const Filter by, ParseFilter(request->by(), ""));
    FacetQuery query = {.by = by.column, .attribute = by.attribute};
    query.limit = request->limit() == 0 ? query.limit : request->limit();
    EDB_ASSIGN(query.filters, FiltersFrom(request->filters()));
    EDB_ASSIGN(const FacetCounts counts, database_.Facets(query));
    for (const Facet& facet : counts.facets) {
      v1::GetFacetsResponse::Facet& message = *response->add_facets();
      message.set_value(facet.value);
      message.set_count(facet.count);
    }
    response->set_distinct(counts.distinct);
    response->set_records(counts.records);
    return {};
  });
}

grpc::Status V1Service::GetStats(grpc::ServerContext* context,
                                 const v1::GetStatsRequest* /*request*/,
                                 v1::GetStatsResponse* response) {
  return gate_.Run(*context, "stats", [&]() -> Status {
    EDB_ASSIGN(const DatabaseStats stats, database_.Stats());
    FillStats(stats, *response);
    return {};
  });
}

grpc::Status V1Service::CountRecords(grpc::ServerContext* context,
                                     const v1::CountRecordsRequest* request,
                                     v1::CountRecordsResponse* response) {
  return gate_.Run(*context, "count records", [&]() -> Status {
    EDB_ASSIGN(const std::vector<Filter> filters, FiltersFrom(request->filters()));
    EDB_ASSIGN(const std::int64_t count, database_.Count(filters));
    response->set_count(count);
    return {};
  });
}

grpc::Status V1Service::GetModels(grpc::ServerContext* context, const v1::GetModelsRequest* request,
                                  v1::GetModelsResponse* response) {
  return gate_.Run(*context, "list models", [&]() -> Status {
    const std::vector<std::string> providers(request->providers().begin(),
                                             request->providers().end());
    EDB_ASSIGN(auto models, database_.Models(providers));
    for (std::string& model : models) {
      response->add_models(std::move(model));
    }
    return {};
  });
}

grpc::Status V1Service::GetProviders(grpc::ServerContext* context,
                                     const v1::GetProvidersRequest* request,
                                     v1::GetProvidersResponse* response) {
  return gate_.Run(*context, "list providers", [&]() -> Status {
    const std::vector<std::string> models(request->models().begin(), request->models().end());
    EDB_ASSIGN(auto providers, database_.Providers(models));
    for (std::string& provider : providers) {
      response->add_providers(std::move(provider));
    }
    return {};
  });
}

grpc::Status V1Service::SimilarRecords(grpc::ServerContext* context,
                                       const v1::SimilarRecordsRequest* request,
                                       v1::SimilarRecordsResponse* response) {
  return gate_.Run(*context, "retrieve similar records", [&]() -> Status {
    SimilarQuery query = SimilarQueryFrom(*request);
    if (request->has_exclude_record()) {
      query.exclude_record = KeyFrom(request->exclude_record());
    }
    query.exact = request->exact();
    EDB_TRY(TakeV1Options(*request, query));
    EDB_ASSIGN(const auto records, database_.Similar(query));
    for (const SimilarRecord& record : records) {
      FillSimilar(record, *response->add_records());
    }
    return {};
  });
}

grpc::Status V1Service::SimilarRecordsById(grpc::ServerContext* context,
                                           const v1::SimilarRecordsByIdRequest* request,
                                           v1::SimilarRecordsResponse* response) {
  SimilarByIdQuery query;
  query.key = KeyFrom(request->key());
  TakeSearchOptions(*request, query);
  return gate_.Run(*context, "retrieve similar records by ID", query.key, [&]() -> Status {
    if (!request->has_key()) {
      return InvalidArgumentError("key is required");
    }
    EDB_TRY(TakeV1Options(*request, query));
    EDB_ASSIGN(const auto records, database_.SimilarById(query));
    for (const SimilarRecord& record : records) {
      FillSimilar(record, *response->add_records());
    }
    return {};
  });
}

}  // namespace embeddingsdb
