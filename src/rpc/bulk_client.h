// SPDX-License-Identifier: BSD-3-Clause
//
// The client's two bulk verbs over embeddingsdb.v1, and paging through a server without it.
#ifndef EMBEDDINGSDB_RPC_BULK_CLIENT_H_
#define EMBEDDINGSDB_RPC_BULK_CLIENT_H_

#include <memory>
#include <optional>
#include <vector>

#include "embeddingsdb/client.h"

#include "rpc/connection.h"

namespace embeddingsdb {

struct StreamOptions {
  const AddOptions& add;
  const ImportProgress& progress;
};
/// Streams the records of `source`, which is only read once the server has answered. Nothing when
/// the server lacks v1.
std::optional<ImportReport> StreamRecords(Connection& connection, RecordCursor& source,
                                          const StreamOptions& options);

/// A cursor over ScanRecords. Asks for the first message, so that an error shows here; when the
/// server lacks v1 that is an error too, and connection.lacks_v1() is true then.
Result<std::unique_ptr<RecordCursor>> ScanStream(std::shared_ptr<Connection> connection,
                                                 const std::vector<Filter>& filters);

/// A cursor that asks for page after page, and for smaller ones when they do not fit a message.
std::unique_ptr<RecordCursor> ScanPages(std::shared_ptr<Connection> connection,
                                        const std::vector<Filter>& filters);

/// What only v1 can do is kUnimplemented without it.
Status RefuseWithoutV1(const std::vector<Filter>& filters);

/// One page; the query is valid.
Result<RecordPage> ListPage(Connection& connection, const ListQuery& query);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_RPC_BULK_CLIENT_H_
