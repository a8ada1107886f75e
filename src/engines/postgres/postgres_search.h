// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SEARCH_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SEARCH_H_

#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "engines/database_base.h"
#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// The nearest records, in a transaction that sees one moment. The server only proposes: distances
/// are computed here from the records' vectors, and it is asked for more until none that it has not
/// proposed can belong to the answer.
///
/// Three ways. By the model's index, where there is one and the answer need not be exact: when it
/// proposes too few, the next way is taken. By comparing all vectors with pgvector's operators. By
/// reading all vectors of the model and comparing them here: without pgvector, for filters by
/// words, and where numbers are beyond the range of its arithmetic.
Result<std::vector<SimilarRecord>> SearchPostgres(PostgresConnection& connection,
                                                  const EngineOptions& options,
                                                  const ResolvedSimilarQuery& query);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SEARCH_H_
