// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_RPC_GRPC_LIBRARY_H_
#define EMBEDDINGSDB_RPC_GRPC_LIBRARY_H_

namespace embeddingsdb {

/// Keeps gRPC from tearing itself down with its last channel or server: in 1.51 that now and then
/// waits ten seconds for a connection that is long gone. Also gives the lines it logs to stderr (by
/// default only errors, such as a refused certificate) the form of ours. Call before making
/// either.
void KeepGrpcRunning();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_GRPC_LIBRARY_H_
