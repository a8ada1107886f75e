// SPDX-License-Identifier: BSD-3-Clause
//
// The lists of clients and servers compiled in.
#ifndef EMBEDDINGSDB_RPC_BUILTIN_RPC_H_
#define EMBEDDINGSDB_RPC_BUILTIN_RPC_H_

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// Registers grpc, database and null.
void RegisterBuiltinClients(Registry& registry);

/// Registers grpc.
void RegisterBuiltinServers(Registry& registry);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_BUILTIN_RPC_H_
