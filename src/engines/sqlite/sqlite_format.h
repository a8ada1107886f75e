// SPDX-License-Identifier: BSD-3-Clause
//
// The SQLite file of embeddingsdb, format version 1. Any SQLite tool can read it:
//
//   records(id            INTEGER PRIMARY KEY   grows for ever; replacing gives a new one
//           provider      TEXT NOT NULL
//           depiction_id  TEXT NOT NULL
//           subject_id    TEXT NOT NULL         may be empty
//           model         TEXT NOT NULL
//           created       INTEGER NOT NULL      seconds since 1970, as the record says
//           lastmodified  INTEGER NOT NULL      seconds since 1970, when it was stored here
//           attributes    TEXT NOT NULL         a JSON object of strings, keys in bytewise order
//           checksum      INTEGER NOT NULL      of the row without its id, see row_checksum.h
//           embedding     BLOB NOT NULL)        little-endian float32, one after the other
//   records_key   unique index (model, provider, depiction_id)
//   records_list  index (subject_id, depiction_id, model, provider): list order
//   meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL)
//           'next_id'      the id the next record gets
//           'last_update'  seconds since 1970 of the newest write or removal; 0: none yet
//           'compression'  1: quantize, 2: matroyshka; absent: none. Set when the file is made;
//                          sqlite_compression.h has the tables that such a file has besides.
//
// Both indexes hold all columns that records are filtered by, so counting never reads the records.
// The tables are STRICT and text compares bytewise. `application_id` is "edb1" and `user_version`
// the format version. The file is in WAL mode; PATH-wal and PATH-shm beside it belong to it while
// it is open, PATH-lock marks the writing process. Triggers and views of the file are not run.
//
// A row that was changed by another hand no longer has its checksum: reading it is kDataLoss.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_FORMAT_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_FORMAT_H_

#include <cstdint>
#include <string>

#include "embeddingsdb/status.h"

#include "engines/database_base.h"
#include "engines/sqlite/sqlite_compression.h"
#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

inline constexpr std::int64_t kSqliteApplicationId = 0x65646231;  // "edb1"
inline constexpr int kSqliteFormatVersion = 1;

/// The connection that writes. An absent or empty file becomes a database. kFailedPrecondition
/// naming what the file is when it is not ours or newer than this program; nothing is changed then.
/// `path` is empty for a database in memory.
/// `compression` is that of a database that is made here; others keep theirs.
Result<SqliteConnection> OpenSqliteWriter(const std::string& path, Durability durability,
                                          SqliteCompression compression = SqliteCompression::kNone);

/// A connection that reads what OpenSqliteWriter has made; errors as there.
Result<SqliteConnection> OpenSqliteReader(const std::string& path);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_FORMAT_H_
