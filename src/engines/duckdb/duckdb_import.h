// SPDX-License-Identifier: BSD-3-Clause
//
// Reading go-embeddingsdb's export directory into a DuckDB file of ours.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_IMPORT_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_IMPORT_H_

#include <cstdint>
#include <string>

#include "embeddingsdb/status.h"

#include "core/env.h"

namespace embeddingsdb {

/// Makes `file` from the embeddings.csv of `directory`, whole or not at all: into a file beside it
/// that is renamed when complete. The texts of schema.sql and load.sql are never run. Returns the
/// number of records. The first row that is no valid record is kInvalidArgument with its number.
/// The caller holds the lock of `file`, which must not exist, nor anything of a killed process.
Result<std::int64_t> ImportDuckdbExport(const std::string& directory, const std::string& file,
                                        Env& env);

/// Size and time of a directory's embeddings.csv, to notice later that it is another one.
std::string DuckdbExportNote(const std::string& directory);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_IMPORT_H_
