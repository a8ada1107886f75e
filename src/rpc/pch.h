// SPDX-License-Identifier: BSD-3-Clause
//
// The headers of gRPC and Protobuf, parsed once for all of src/rpc.
#ifndef EMBEDDINGSDB_RPC_PCH_H_
#define EMBEDDINGSDB_RPC_PCH_H_

#include "embeddingsdb/v1/embeddingsdb.grpc.pb.h"

#include "org_sfomuseum_embeddingsdb_service.grpc.pb.h"

#endif  // EMBEDDINGSDB_RPC_PCH_H_
