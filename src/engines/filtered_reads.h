// SPDX-License-Identifier: BSD-3-Clause
//
// Questions whose filters are about attributes, answered by reading the fields of the rows: the
// same for every store.
#ifndef EMBEDDINGSDB_ENGINES_FILTERED_READS_H_
#define EMBEDDINGSDB_ENGINES_FILTERED_READS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/query.h"

#include "engines/record_store.h"

namespace embeddingsdb {

Result<std::int64_t> CountByFields(RecordStore& store, const std::vector<Filter>& filters);

/// As RecordStore::List. False when a row of the page was replaced or removed while it was read:
/// ask again.
Result<bool> ListByFields(RecordStore& store, const ListQuery& query, RecordPage& page);

/// As RecordStore::Scan.
Result<std::unique_ptr<RecordCursor>> ScanByFields(RecordStore& store,
                                                   const std::vector<Filter>& filters);

Result<FacetCounts> FacetsByFields(RecordStore& store, const FacetQuery& query);

/// The rows of a model that match, ascending.
Result<std::vector<RowId>> RowsByFields(RecordStore& store, const std::string& model,
                                        const std::vector<Filter>& filters);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_FILTERED_READS_H_
