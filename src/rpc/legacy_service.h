// SPDX-License-Identifier: BSD-3-Clause
//
// The service of go-embeddingsdb over a Database: same names and numbers on the wire, proper status
// codes where go-embeddingsdb answers UNKNOWN or crashes.
#ifndef EMBEDDINGSDB_RPC_LEGACY_SERVICE_H_
#define EMBEDDINGSDB_RPC_LEGACY_SERVICE_H_

#include <cstddef>

#include "embeddingsdb/database.h"

#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"
#include "rpc/call_gate.h"

namespace embeddingsdb {

/// Borrows the database and the gate. Answers over `max_answer_bytes` are RESOURCE_EXHAUSTED.
class LegacyService final : public legacy::EmbeddingsDBService::Service {
 public:
  LegacyService(Database& database, CallGate& gate, std::size_t max_answer_bytes)
      : database_(database), gate_(gate), max_answer_bytes_(max_answer_bytes) {}

  grpc::Status AddRecord(grpc::ServerContext* context, const legacy::AddRecordRequest* request,
                         legacy::AddRecordResponse* response) override;
  grpc::Status GetRecord(grpc::ServerContext* context, const legacy::GetRecordRequest* request,
                         legacy::GetRecordResponse* response) override;
  grpc::Status RemoveRecord(grpc::ServerContext* context,
                            const legacy::RemoveRecordRequest* request,
                            legacy::RemoveRecordResponse* response) override;
  grpc::Status SimilarRecords(grpc::ServerContext* context,
                              const legacy::SimilarRecordsRequest* request,
                              legacy::SimilarRecordsResponse* response) override;
  grpc::Status SimilarRecordsById(grpc::ServerContext* context,
                                  const legacy::SimilarRecordsByIdRequest* request,
                                  legacy::SimilarRecordsResponse* response) override;
  grpc::Status GetModels(grpc::ServerContext* context, const legacy::GetModelsRequest* request,
                         legacy::GetModelsResponse* response) override;
  grpc::Status GetProviders(grpc::ServerContext* context,
                            const legacy::GetProvidersRequest* request,
                            legacy::GetProvidersResponse* response) override;
  grpc::Status ListRecords(grpc::ServerContext* context, const legacy::ListRecordsRequest* request,
                           legacy::ListRecordsResponse* response) override;
  grpc::Status GetDimensions(grpc::ServerContext* context,
                             const legacy::GetDimensionsRequest* request,
                             legacy::GetDimensionsResponse* response) override;
  grpc::Status GetPaginationType(grpc::ServerContext* context,
                                 const legacy::GetPaginationTypeRequest* request,
                                 legacy::GetPaginationTypeResponse* response) override;

 private:
  Status List(const legacy::ListRecordsRequest& request, legacy::ListRecordsResponse& response);

  Database& database_;
  CallGate& gate_;
  const std::size_t max_answer_bytes_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_LEGACY_SERVICE_H_
