// SPDX-License-Identifier: BSD-3-Clause
//
// Searching the codes of a compressed database, and checking them (sqlite_compression.h).
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSED_READER_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSED_READER_H_

#include <string>
#include <vector>

#include "engines/database_base.h"
#include "engines/record_store.h"
#include "engines/sqlite/sqlite_compression.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

struct CompressedHit {
  RowRef row;
  float distance = 0;  ///< of the codes, in double precision and rounded once
};

/// At most k rows, by distance, then provider, then depiction id: those that comparing the query's
/// code with every code of the model gives. Within the caller's transaction. kDataLoss when a code
/// has no record.
Result<std::vector<CompressedHit>> SearchCompressed(const SqliteConnection& connection,
                                                    SqliteCompression compression,
                                                    const ResolvedSimilarQuery& resolved);

/// Compares every record with its code and appends what differs to `problems`, some hundred things
/// at most. Within the caller's transaction.
Status CheckCompressed(const SqliteConnection& connection, SqliteCompression compression,
                       std::vector<std::string>& problems);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSED_READER_H_
