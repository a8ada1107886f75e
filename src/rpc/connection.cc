// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/connection.h"

#include <chrono>
#include <grpcpp/channel.h>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "rpc/call_gate.h"
#include "rpc/channel.h"

namespace embeddingsdb {

Result<std::shared_ptr<Connection>> Connection::Open(const Uri& uri, const Context& context) {
  EDB_ASSIGN(ClientChannel channel, OpenChannel(uri, context));
  std::shared_ptr<Connection> connection(new Connection());
  connection->address_ = std::move(channel.address);
  connection->authorization_ = std::move(channel.authorization);
  connection->legacy_ = legacy::EmbeddingsDBService::NewStub(channel.channel);
  connection->v1_ = v1::EmbeddingsDB::NewStub(channel.channel);
  return connection;
}

void Connection::Prepare(grpc::ClientContext& context) const {
  if (!authorization_.empty()) {
    context.AddMetadata("authorization", authorization_);
  }
}

void Connection::SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(kCallDeadlineSeconds));
}

Status Connection::Finished(const grpc::ClientContext& context, const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED &&
      context.GetServerTrailingMetadata().count(kCapabilityTrailer) == 0) {
    lacks_v1_.store(true, std::memory_order_relaxed);
    return UnimplementedError(Concat("the server at ", address_, " does not know this method"));
  }
  Status converted = FromGrpc(status);
  if (converted.code() == StatusCode::kUnavailable ||
      converted.code() == StatusCode::kDeadlineExceeded) {
    return converted.WithContext(address_);
  }
  return converted;
}

}  // namespace embeddingsdb
