// SPDX-License-Identifier: BSD-3-Clause
//
// go-embeddingsdb's export directory: schema.sql, load.sql and embeddings.csv, as its
// IMPORT DATABASE reads them.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_EXPORT_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_EXPORT_H_

#include <optional>
#include <string>

#include "embeddingsdb/status.h"

#include "core/env.h"
#include "engines/duckdb/duckdb_file.h"

namespace embeddingsdb {

/// Writes the export directory `path`, whole or not at all: into a directory beside it that is
/// renamed when complete. An export that is there is replaced; a directory that holds anything else
/// is kFailedPrecondition, and so is a database with vectors of several lengths, since the one
/// table of an export has one. `dimensions` is for a database without records.
Status ExportDuckdb(DuckdbFile& file, const std::string& path, std::optional<int> dimensions,
                    Env& env);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_EXPORT_H_
