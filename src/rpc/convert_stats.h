// SPDX-License-Identifier: BSD-3-Clause
//
// DatabaseStats as a message of embeddingsdb.v1.
#ifndef EMBEDDINGSDB_RPC_CONVERT_STATS_H_
#define EMBEDDINGSDB_RPC_CONVERT_STATS_H_

#include "embeddingsdb/care.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/v1/embeddingsdb.pb.h"

namespace embeddingsdb {

/// All but what callers on the network have no business to know: where the files are.
void FillStats(const DatabaseStats& stats, v1::GetStatsResponse& response);
/// kUnimplemented for an enumerator of a newer server.
Result<DatabaseStats> StatsFrom(const v1::GetStatsResponse& response);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_CONVERT_STATS_H_
