// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/builtin_rpc.h"

#include "rpc/database_client.h"
#include "rpc/grpc_client.h"
#include "rpc/grpc_server.h"

namespace embeddingsdb {

void RegisterBuiltinClients(Registry& registry) {
  registry.AddClient("grpc", OpenGrpcClient);
  registry.AddClient("database", OpenDatabaseClient);
  registry.AddClient("null", OpenNullClient);
}

void RegisterBuiltinServers(Registry& registry) {
  registry.AddServer("grpc", OpenGrpcServer);
}

}  // namespace embeddingsdb
