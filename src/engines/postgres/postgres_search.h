// SPDX-License-Identifier: BSD-3-Clause
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SEARCH_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SEARCH_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "engines/database_base.h"
#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// Lengths of models that have an index, as far as searches have seen. What it says may have become
/// wrong: others change the database too. Safe for concurrent use.
class PostgresIndexedModels {
 public:
  /// 0 when none is known.
  int Find(const std::string& model) const;
  void Set(const std::string& model, int dimension);
  void Forget(const std::string& model);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> lengths_;
};

/// The nearest records. The server only proposes: distances are computed here from the records'
/// vectors, and it is asked for more until none that it has not proposed can belong to the answer.
///
/// Four ways. By the index of a model that is known to have one, with index=auto: one statement. In
/// a transaction that sees one moment: by the model's index, where there is one and the answer need
/// not be exact: when it proposes too few, the next way is taken. By comparing all vectors with
/// pgvector's operators. By reading all vectors of the model and comparing them here: without
/// pgvector, for filters by words, and where numbers are beyond the range of its arithmetic.
Result<std::vector<SimilarRecord>> SearchPostgres(PostgresConnection& connection,
                                                  const EngineOptions& options,
                                                  const ResolvedSimilarQuery& query,
                                                  PostgresIndexedModels& indexed);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_SEARCH_H_
