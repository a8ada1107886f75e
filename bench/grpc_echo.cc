// SPDX-License-Identifier: BSD-3-Clause
#include "grpc_echo.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/server_builder.h>

#include "core/text.h"
#include "rpc/convert.h"

namespace embeddingsdb {

grpc::Status GrpcEcho::Service::SimilarRecords(grpc::ServerContext* /*context*/,
                                               const v1::SimilarRecordsRequest* /*request*/,
                                               v1::SimilarRecordsResponse* response) {
  *response = answer;
  return grpc::Status::OK;
}

GrpcEcho::GrpcEcho(std::span<const SimilarRecord> answer) {
  for (const SimilarRecord& record : answer) {
    FillSimilar(record, *service_.answer.add_records());
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(&service_);
  server_ = builder.BuildAndStart();
  Must(server_ != nullptr, "cannot start the echo");
}

GrpcEcho::Caller::Caller(const GrpcEcho& echo) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  stub_ = v1::EmbeddingsDB::NewStub(grpc::CreateCustomChannel(
      Concat("127.0.0.1:", echo.port_), grpc::InsecureChannelCredentials(), arguments));
}

void GrpcEcho::Caller::Ask(const SimilarQuery& query) {
  v1::SimilarRecordsRequest request;
  FillSimilarQuery(query, request);
  grpc::ClientContext context;
  v1::SimilarRecordsResponse response;
  const grpc::Status status = stub_->SimilarRecords(&context, request, &response);
  Must(status.ok(), status.error_message());
}

}  // namespace embeddingsdb
