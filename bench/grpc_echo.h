// SPDX-License-Identifier: BSD-3-Clause
//
// A bare gRPC server that has one answer for every search, and a bare caller: what gRPC itself
// takes for the messages of a search.
#ifndef EMBEDDINGSDB_BENCH_GRPC_ECHO_H_
#define EMBEDDINGSDB_BENCH_GRPC_ECHO_H_

#include <grpcpp/server.h>
#include <memory>
#include <span>
#include <string>

#include "embeddingsdb/query.h"
#include "embeddingsdb/v1/embeddingsdb.grpc.pb.h"

#include "measure.h"

namespace embeddingsdb {

class GrpcEcho {
 public:
  explicit GrpcEcho(std::span<const SimilarRecord> answer);

  /// Sends a search and takes the answer, on a connection of its own.
  class Caller {
   public:
    explicit Caller(const GrpcEcho& echo);
    void Ask(const SimilarQuery& query);

   private:
    std::unique_ptr<v1::EmbeddingsDB::Stub> stub_;
  };

 private:
  class Service final : public v1::EmbeddingsDB::Service {
   public:
    grpc::Status SimilarRecords(grpc::ServerContext* context,
                                const v1::SimilarRecordsRequest* request,
                                v1::SimilarRecordsResponse* response) override;
    v1::SimilarRecordsResponse answer;
  };

  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_BENCH_GRPC_ECHO_H_
