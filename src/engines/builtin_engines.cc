// SPDX-License-Identifier: BSD-3-Clause
//
// THE list: one line an engine. See docs/adding-an-engine.md.
#include "engines/builtin_engines.h"

namespace embeddingsdb {

void RegisterBuiltinEngines(Registry& registry) {
  registry.AddDatabase("bleve", OpenLmdbDatabase);  // what go-embeddingsdb has in its place
  registry.AddDatabase("duckdb", OpenDuckdbDatabase);
  registry.AddDatabase("lmdb", OpenLmdbDatabase);
  registry.AddDatabase("memory", OpenMemoryDatabase);
  registry.AddDatabase("multi", OpenMultiDatabase);
  registry.AddDatabase("null", OpenNullDatabase);
  registry.AddDatabase("postgres", OpenPostgresDatabase);
  registry.AddDatabase("postgresql", OpenPostgresDatabase);
  registry.AddDatabase("s3vectors", OpenS3VectorsDatabase);
  registry.AddDatabase("sqlite", OpenSqliteDatabase);
}

}  // namespace embeddingsdb
