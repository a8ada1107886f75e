// SPDX-License-Identifier: BSD-3-Clause
//
// EmbeddedDatabase: a record store plus the index set. Every embedded engine is one of these around
// its own RecordStore, and so gets filters, freshness, ordering and recovery for free.
#ifndef EMBEDDINGSDB_ENGINES_EMBEDDED_DATABASE_H_
#define EMBEDDINGSDB_ENGINES_EMBEDDED_DATABASE_H_

#include <memory>

#include "embeddingsdb/database.h"

#include "engines/database_base.h"
#include "engines/record_store.h"

namespace embeddingsdb {

/// Opens a database over `store`: loads its catalog; vectors are loaded model by model at the first
/// search. How it stays right:
///  * writes take turns that last over commit, catalog and index update (WriteQueue: adds that wait
///    for a turn share one); a search that meets a row which is gone from the store (committed but
///    not yet indexed) repeats itself in a turn of its own;
///  * a replaced record has a new row id, so an answer never mixes old distance and new record;
///  * a model never searched is never loaded, so an import costs no memory.
Result<std::unique_ptr<Database>> OpenEmbeddedDatabase(std::unique_ptr<RecordStore> store,
                                                       EngineOptions options,
                                                       const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_EMBEDDED_DATABASE_H_
