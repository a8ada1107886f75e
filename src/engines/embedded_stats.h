// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_EMBEDDED_STATS_H_
#define EMBEDDINGSDB_ENGINES_EMBEDDED_STATS_H_

#include "embeddingsdb/care.h"

#include "engines/database_base.h"
#include "engines/record_store.h"
#include "engines/stored_index_files.h"
#include "index/index_set.h"

namespace embeddingsdb {

/// What there is to tell of an embedded database; all borrowed.
struct EmbeddedParts {
  const EngineOptions& options;
  const Catalog& catalog;
  RecordStore& store;
  StoredIndexFiles& files;
  const IndexSet& index;
};

/// Database::Stats without the URI.
Result<DatabaseStats> GatherStats(const EmbeddedParts& parts);

/// The records of a model in a catalog.
std::int64_t RecordsOf(const Catalog::Model& model);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_EMBEDDED_STATS_H_
