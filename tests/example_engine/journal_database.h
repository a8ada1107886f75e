// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_DATABASE_H_
#define EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_DATABASE_H_

#include <memory>

#include "embeddingsdb/registry.h"

namespace embeddingsdb {

/// The factory of journal:///path/to/file, whose folder must exist.
Result<std::unique_ptr<Database>> OpenJournalDatabase(const Uri& uri, const Context& context);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_EXAMPLE_ENGINE_JOURNAL_DATABASE_H_
