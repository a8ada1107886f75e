// SPDX-License-Identifier: BSD-3-Clause
#include "example_engine/journal_database.h"

#include <utility>

#include "engines/database_base.h"
#include "engines/embedded_database.h"
#include "example_engine/journal_store.h"

namespace embeddingsdb {

Result<std::unique_ptr<Database>> OpenJournalDatabase(const Uri& uri, const Context& context) {
  EDB_ASSIGN(EngineOptions options, EngineOptions::FromUri(uri));
  EDB_ASSIGN(std::unique_ptr<JournalStore> store,
             JournalStore::Open(uri.FilePath(), options, context));
  return OpenEmbeddedDatabase(std::move(store), std::move(options), context);
}

}  // namespace embeddingsdb
