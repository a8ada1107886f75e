// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/legacy_service.h"

#include <string>
#include <utility>
#include <vector>

#include "core/text.h"
#include "rpc/convert.h"

namespace embeddingsdb {

grpc::Status LegacyService::AddRecord(grpc::ServerContext* context,
                                      const legacy::AddRecordRequest* request,
                                      legacy::AddRecordResponse* /*response*/) {
  return gate_.Run(*context, "add record", KeyFrom(request->record()), [&]() -> Status {
    if (!request->has_record()) {
      return InvalidArgumentError("record is required");
    }
    return database_.Add(RecordFrom(request->record())).status();
  });
}

grpc::Status LegacyService::GetRecord(grpc::ServerContext* context,
                                      const legacy::GetRecordRequest* request,
                                      legacy::GetRecordResponse* response) {
  const Key key = KeyFrom(*request);
  return gate_.Run(*context, "get record", key, [&]() -> Status {
    EDB_ASSIGN(const Record record, database_.Get(key));
    FillRecord(record, *response->mutable_record());
    return {};
  });
}

grpc::Status LegacyService::RemoveRecord(grpc::ServerContext* context,
                                         const legacy::RemoveRecordRequest* request,
                                         legacy::RemoveRecordResponse* /*response*/) {
  const Key key = KeyFrom(*request);
  return gate_.Run(*context, "remove record", key, [&] { return database_.Remove(key).status(); });
}

grpc::Status LegacyService::SimilarRecords(grpc::ServerContext* context,
                                           const legacy::SimilarRecordsRequest* request,
                                           legacy::SimilarRecordsResponse* response) {
  return gate_.Run(*context, "retrieve similar records", [&]() -> Status {
    EDB_ASSIGN(const auto records, database_.Similar(SimilarQueryFrom(*request)));
    for (const SimilarRecord& record : records) {
      FillSimilar(record, *response->add_records());
    }
    return {};
  });
}

grpc::Status LegacyService::SimilarRecordsById(grpc::ServerContext* context,
                                               const legacy::SimilarRecordsByIdRequest* request,
                                               legacy::SimilarRecordsResponse* response) {
  SimilarByIdQuery query;
  query.key = KeyFrom(*request);
  TakeSearchOptions(*request, query);
  return gate_.Run(*context, "retrieve similar records by ID", query.key, [&]() -> Status {
    EDB_ASSIGN(const auto records, database_.SimilarById(query));
    for (const SimilarRecord& record : records) {
      FillSimilar(record, *response->add_records());
    }
    return {};
  });
}

grpc::Status LegacyService::GetModels(grpc::ServerContext* context,
                                      const legacy::GetModelsRequest* request,
                                      legacy::GetModelsResponse* response) {
  return gate_.Run(*context, "list models", [&]() -> Status {
    const std::vector<std::string> providers(request->provider().begin(),
                                             request->provider().end());
    EDB_ASSIGN(auto models, database_.Models(providers));
    for (std::string& model : models) {
      response->add_model(std::move(model));
    }
    return {};
  });
}

grpc::Status LegacyService::GetProviders(grpc::ServerContext* context,
                                         const legacy::GetProvidersRequest* /*request*/,
                                         legacy::GetProvidersResponse* response) {
  return gate_.Run(*context, "list providers", [&]() -> Status {
    EDB_ASSIGN(auto providers, database_.Providers({}));
    for (std::string& provider : providers) {
      response->add_provider(std::move(provider));
    }
    return {};
  });
}

grpc::Status LegacyService::ListRecords(grpc::ServerContext* context,
                                        const legacy::ListRecordsRequest* request,
                                        legacy::ListRecordsResponse* response) {
  return gate_.Run(*context, "list records", [&] { return List(*request, *response); });
}

Status LegacyService::List(const legacy::ListRecordsRequest& request,
                           legacy::ListRecordsResponse& response) {
  if (!request.has_pagination()) {
    return InvalidArgumentError("pagination is required");
  }
  ListQuery query;
  // 0 is what a client that leaves a field out sends.
  if (request.pagination().page() != 0) {
    query.page = request.pagination().page();
  }
  if (request.pagination().per_page() != 0) {
    query.per_page = request.pagination().per_page();
  }
  EDB_ASSIGN(query.filters, FiltersFrom(request.filters()));
  EDB_ASSIGN(const RecordPage page, database_.List(query));

  legacy::PaginationResults& pagination = *response.mutable_pagination();
  if (page.total == kTotalUnknown) {
    // What is certain: its callers ask for the next page while there are pages.
    const bool more = !page.next_cursor.empty();
    const auto seen = (page.page - 1) * page.per_page + std::ssize(page.records);
    pagination.set_total(seen + (more ? 1 : 0));
    pagination.set_pages(page.page + (more ? 1 : 0));
  } else {
    pagination.set_total(page.total);
    pagination.set_pages(page.pages);
  }
  pagination.set_page(page.page);
  pagination.set_per_page(page.per_page);
  for (const Record& record : page.records) {
    FillRecord(record, *response.add_records());
  }
  return CheckPageSize(response, max_answer_bytes_);
}

grpc::Status LegacyService::GetDimensions(grpc::ServerContext* context,
                                          const legacy::GetDimensionsRequest* /*request*/,
                                          legacy::GetDimensionsResponse* response) {
  return gate_.Run(*context, "list dimensions", [&]() -> Status {
    EDB_ASSIGN(const auto dimensions, database_.Dimensions());
    response->mutable_dimensions()->Add(dimensions.begin(), dimensions.end());
    return {};
  });
}

grpc::Status LegacyService::GetPaginationType(grpc::ServerContext* context,
                                              const legacy::GetPaginationTypeRequest* /*request*/,
                                              legacy::GetPaginationTypeResponse* response) {
  return gate_.Run(*context, "get pagination type", [&]() -> Status {
    response->set_pagination_type(std::string(PaginationTypeName(database_.pagination_type())));
    return {};
  });
}

}  // namespace embeddingsdb
