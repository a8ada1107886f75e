// SPDX-License-Identifier: BSD-3-Clause
//
// The list of engines compiled in.
#ifndef EMBEDDINGSDB_ENGINES_BUILTIN_ENGINES_H_
#define EMBEDDINGSDB_ENGINES_BUILTIN_ENGINES_H_

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// Registers every engine of this build: memory, null, multi, sqlite, duckdb, lmdb, postgres,
/// s3vectors.
void RegisterBuiltinEngines(Registry& registry);

// One factory an engine; defined in its own .cc, named here and in builtin_engines.cc only.
Result<std::unique_ptr<Database>> OpenMemoryDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenNullDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenMultiDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenSqliteDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenDuckdbDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenLmdbDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenPostgresDatabase(const Uri& uri, const Context& context);
Result<std::unique_ptr<Database>> OpenS3VectorsDatabase(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_BUILTIN_ENGINES_H_
