// SPDX-License-Identifier: BSD-3-Clause
//
// Client: the verbs a caller of embeddingsdb has, whether the database is in this process
// (database://) or behind a server (grpc://).
#ifndef EMBEDDINGSDB_CLIENT_H_
#define EMBEDDINGSDB_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embeddingsdb/adding.h"
#include "embeddingsdb/care.h"
#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What a bulk import did. After an error `acknowledged` says how many records from the start of
/// the stream are certainly durable, or skipped; repeating the import is safe because adding is
/// idempotent.
struct ImportReport {
  std::int64_t acknowledged = 0;
  AddReport records;  ///< what came of the acknowledged ones
  Status status;      ///< OK when the whole stream was stored
};

/// Told about progress with the number of records that are durable so far. Called from the thread
/// that called AddRecords; must not call back into the client.
using ImportProgress = std::function<void(std::int64_t acknowledged)>;

/// Threads: safe for concurrent use. Cursors keep what they need alive.
/// Errors: those of Database, plus kUnavailable and kDeadlineExceeded from the network and
/// kUnauthenticated for a missing or wrong token, kUnimplemented for what a server of
/// go-embeddingsdb cannot do.
class Client {
 public:
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  virtual ~Client() = default;

  virtual Status Add(const Record& record) = 0;
  /// Streams all records of `source` to the database, acknowledged in chunks as they become
  /// durable. Stops at the first error, from either side, and may by then have read more of the
  /// source than was stored. The source is read on the calling thread. `progress` may be empty.
  /// kUnimplemented for other options than the default at a server of go-embeddingsdb.
  virtual ImportReport AddRecords(RecordCursor& source, const AddOptions& options,
                                  const ImportProgress& progress) = 0;
  ImportReport AddRecords(RecordCursor& source, const ImportProgress& progress) {
    return AddRecords(source, {}, progress);
  }
  virtual Result<Record> Get(const Key& key) = 0;
  /// Removing an absent record is no error.
  virtual Status Remove(const Key& key) = 0;
  virtual Result<RecordPage> List(const ListQuery& query) = 0;
  virtual Result<std::unique_ptr<RecordCursor>> Scan(const std::vector<Filter>& filters) = 0;
  virtual Result<std::vector<SimilarRecord>> Similar(const SimilarQuery& query) = 0;
  virtual Result<std::vector<SimilarRecord>> SimilarById(const SimilarByIdQuery& query) = 0;
  virtual Result<std::int64_t> Count(const std::vector<Filter>& filters) = 0;
  virtual Result<FacetCounts> Facets(const FacetQuery& query) = 0;
  virtual Result<std::vector<std::string>> Models(std::span<const std::string> providers) = 0;
  virtual Result<std::vector<std::string>> Providers(std::span<const std::string> models) = 0;
  virtual Result<std::vector<int>> Dimensions() = 0;
  virtual Result<PaginationType> Pagination() = 0;
  /// What is in the database and what it takes. A server tells neither its URI nor where its files
  /// are: over the network `uri`, `facts` and `members` are empty.
  virtual Result<DatabaseStats> Stats() = 0;
  virtual Status Close() = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CLIENT_H_
