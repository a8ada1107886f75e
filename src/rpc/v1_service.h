// SPDX-License-Identifier: BSD-3-Clause
//
// The service embeddingsdb.v1 over a Database.
#ifndef EMBEDDINGSDB_RPC_V1_SERVICE_H_
#define EMBEDDINGSDB_RPC_V1_SERVICE_H_

#include <cstddef>

#include "embeddingsdb/database.h"
#include "embeddingsdb/v1/embeddingsdb.grpc.pb.h"

#include "rpc/call_gate.h"
#include "rpc/import_stream.h"

namespace embeddingsdb {

/// Borrows the database, the gate and the imports. Pages over `max_answer_bytes` are
/// RESOURCE_EXHAUSTED.
class V1Service final
    : public v1::EmbeddingsDB::WithCallbackMethod_AddRecords<v1::EmbeddingsDB::Service> {
 public:
  V1Service(Database& database, CallGate& gate, ImportStreams& imports,
            std::size_t max_answer_bytes)
      : database_(database), gate_(gate), imports_(imports), max_answer_bytes_(max_answer_bytes) {}

  ImportStreams::Reactor* AddRecords(grpc::CallbackServerContext* context) override {
    return imports_.Start(*context);
  }
  grpc::Status ScanRecords(grpc::ServerContext* context, const v1::ScanRecordsRequest* request,
                           grpc::ServerWriter<v1::ScanRecordsResponse>* writer) override;
  grpc::Status ListRecords(grpc::ServerContext* context, const v1::ListRecordsRequest* request,
                           v1::ListRecordsResponse* response) override;
  grpc::Status GetFacets(grpc::ServerContext* context, const v1::GetFacetsRequest* request,
                         v1::GetFacetsResponse* response) override;
  grpc::Status GetStats(grpc::ServerContext* context, const v1::GetStatsRequest* request,
                        v1::GetStatsResponse* response) override;
  grpc::Status CountRecords(grpc::ServerContext* context, const v1::CountRecordsRequest* request,
                            v1::CountRecordsResponse* response) override;
  grpc::Status GetModels(grpc::ServerContext* context, const v1::GetModelsRequest* request,
                         v1::GetModelsResponse* response) override;
  grpc::Status GetProviders(grpc::ServerContext* context, const v1::GetProvidersRequest* request,
                            v1::GetProvidersResponse* response) override;
  grpc::Status SimilarRecords(grpc::ServerContext* context,
                              const v1::SimilarRecordsRequest* request,
                              v1::SimilarRecordsResponse* response) override;
  grpc::Status SimilarRecordsById(grpc::ServerContext* context,
                                  const v1::SimilarRecordsByIdRequest* request,
                                  v1::SimilarRecordsResponse* response) override;

 private:
  Status Scan(grpc::ServerContext& context, const v1::ScanRecordsRequest& request,
              grpc::ServerWriter<v1::ScanRecordsResponse>& writer);

  Database& database_;
  CallGate& gate_;
  ImportStreams& imports_;
  const std::size_t max_answer_bytes_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_V1_SERVICE_H_
