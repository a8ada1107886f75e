// SPDX-License-Identifier: BSD-3-Clause
//
// What the PATH of a duckdb://PATH stands for.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_LOCATION_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_LOCATION_H_

#include <string>

#include "embeddingsdb/status.h"

#include "core/env.h"

namespace embeddingsdb {

/// The name of our file inside a directory.
inline constexpr const char* kDuckdbFileName = "embeddingsdb.duckdb";

/// The files of go-embeddingsdb's export directory.
inline constexpr const char* kExportCsv = "embeddings.csv";
inline constexpr const char* kExportSchema = "schema.sql";
inline constexpr const char* kExportLoad = "load.sql";

struct DuckdbLocation {
  std::string file;              ///< the database file; empty: in memory
  bool exists = false;           ///< the file is there
  std::string export_directory;  ///< of go-embeddingsdb, beside the file; empty when there is none
};

/// The rule:
///   empty                 in memory
///   a directory           PATH/embeddingsdb.duckdb, with the go-embeddingsdb export it may hold
///   anything else         the file PATH; its directory must exist (kNotFound)
Result<DuckdbLocation> ResolveDuckdbLocation(const std::string& path, Env& env);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_LOCATION_H_
