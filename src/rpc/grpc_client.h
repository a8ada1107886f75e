// SPDX-License-Identifier: BSD-3-Clause
//
// The client of grpc:// URIs. Speaks embeddingsdb.v1 where the server has it and go-embeddingsdb's
// protocol otherwise, which it finds out by itself.
#ifndef EMBEDDINGSDB_RPC_GRPC_CLIENT_H_
#define EMBEDDINGSDB_RPC_GRPC_CLIENT_H_

#include <memory>

#include "embeddingsdb/client.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/uri.h"

namespace embeddingsdb {

/// The factory. Does not connect: a server that is away shows at the first call, as kUnavailable.
///
/// With a server that lacks embeddingsdb.v1: AddRecords makes one call a record and counts all as
/// added; Scan walks pages, so concurrent writes may make it miss or repeat records; a search with
/// `exact` is kUnimplemented.
Result<std::unique_ptr<Client>> OpenGrpcClient(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_GRPC_CLIENT_H_
