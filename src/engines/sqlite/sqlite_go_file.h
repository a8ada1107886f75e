// SPDX-License-Identifier: BSD-3-Clause
//
// SQLite files that go-embeddingsdb has written, turned into databases of ours.
//
// Such a file has a table `records` and a vec0 table `vec`, whose rowid is the record's id. Its
// `compression` shows only in the type of vec's vectors: float[N] (none, or the 512 first elements
// brought to length 1: matroyshka) or bit[N] (quantize: the signs are all that was kept).
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_GO_FILE_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_GO_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "core/log.h"
#include "engines/sqlite/sqlite_compression.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

/// What is appended to the path of a converted file to name the original.
inline constexpr std::string_view kGoFileKeptAs = ".go-embeddingsdb";

/// True when the database has both of go-embeddingsdb's tables; their columns are not looked at.
Result<bool> HasGoTables(const SqliteConnection& connection);

/// Turns the file into a database of ours if go-embeddingsdb has written it; leaves every other
/// file, and none, as it is. The caller holds the database's lock.
///
/// At every moment `path` is either the original or the whole new database: that is written to
/// PATH.converting, synced and renamed over the original, which stays as PATH.go-embeddingsdb,
/// byte for byte. So both must fit on the disk. Programs that write the original are kept out.
///
/// The new database has the `compression` that is asked for; unset: quantize when the vectors are
/// bits, else none.
///
/// Rows that are no valid record are left out, with a warning each (up to 20) and a count in `log`,
/// which also tells what was converted. Vectors of bits become +1 and -1.
///
/// Nothing is changed when the file cannot be converted: kFailedPrecondition when its tables are
/// not quite go-embeddingsdb's, when another program has it in use, or when PATH.go-embeddingsdb is
/// another file; kDataLoss when the file is damaged or no row of it is a valid record.
Status ConvertGoFile(const std::string& path, std::optional<SqliteCompression> compression,
                     Env& env, Logger& log);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_GO_FILE_H_
