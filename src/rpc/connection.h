// SPDX-License-Identifier: BSD-3-Clause
//
// Connection: the channel to a server and what every call over it needs. Shared by a client and the
// cursors it has given out.
#ifndef EMBEDDINGSDB_RPC_CONNECTION_H_
#define EMBEDDINGSDB_RPC_CONNECTION_H_

#include <atomic>
#include <grpcpp/client_context.h>
#include <memory>
#include <string>

#include "embeddingsdb/registry.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"
#include "embeddingsdb/v1/embeddingsdb.grpc.pb.h"

#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"
#include "rpc/convert.h"

namespace embeddingsdb {

/// Safe for concurrent use.
class Connection {
 public:
  using LegacyStub = legacy::EmbeddingsDBService::Stub;
  using V1Stub = v1::EmbeddingsDB::Stub;
  template <typename Stub, typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

  /// Reads a URI as OpenChannel does. Does not connect yet.
  static Result<std::shared_ptr<Connection>> Open(const Uri& uri, const Context& context);

  /// Makes a unary call, with a deadline; fails at once when the server is not there.
  template <typename Request, typename Response>
  Result<Response> Call(Method<LegacyStub, Request, Response> method, const Request& request) {
    Response response;
    return Answer(CallStub(*legacy_, method, request, response), response);
  }
  template <typename Request, typename Response>
  Result<Response> Call(Method<V1Stub, Request, Response> method, const Request& request) {
    Response response;
    return Answer(CallStub(*v1_, method, request, response), response);
  }

  V1Stub& v1() { return *v1_; }
  /// Adds what every call carries; a streaming call gets no deadline.
  void Prepare(grpc::ClientContext& context) const;
  /// The status of a finished call. Says which server could not be reached, and takes note when the
  /// server turns out not to know the method.
  Status Finished(const grpc::ClientContext& context, const grpc::Status& status);
  /// True when a call of v1 has found that the server lacks it.
  bool lacks_v1() const { return lacks_v1_.load(std::memory_order_relaxed); }

 private:
  Connection() = default;

  template <typename Stub, typename Request, typename Response>
  Status CallStub(Stub& stub, Method<Stub, Request, Response> method, const Request& request,
                  Response& response) {
    grpc::ClientContext context;
    Prepare(context);
    SetDeadline(context);
    return Finished(context, (stub.*method)(&context, request, &response));
  }
  template <typename Response>
  static Result<Response> Answer(const Status& status, Response& response) {
    if (!status.ok()) {
      return status;
    }
    return std::move(response);
  }
  static void SetDeadline(grpc::ClientContext& context);

  std::string address_;
  std::string authorization_;  // empty: none
  std::unique_ptr<LegacyStub> legacy_;
  std::unique_ptr<V1Stub> v1_;
  std::atomic<bool> lacks_v1_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_CONNECTION_H_
