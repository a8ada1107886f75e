// SPDX-License-Identifier: BSD-3-Clause
//
// The statements a search sends, as text and parameters: what asks for candidates, and what is set
// before pgvector's index is asked. Apart from the search so that tests explain what it sends.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CANDIDATES_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CANDIDATES_H_

#include <optional>
#include <span>
#include <string>

#include "embeddingsdb/query.h"

#include "engines/postgres/postgres_values.h"
#include "engines/postgres/postgres_vector.h"

namespace embeddingsdb {

struct PostgresStatement {
  std::string sql;
  PostgresParams params;
};

/// What candidates are sorted by. The query's vector is $1.
struct PostgresOrder {
  std::string key;     ///< the nearest have the smallest
  std::string vector;  ///< what `key` calls so; empty when it does not
  /// No index has the key: rows without one come first, and fewer than asked for are all.
  bool all = false;
};

/// By the model's index, which has exactly this key.
PostgresOrder PostgresIndexOrder(const PostgresIndexKind& kind);

/// By comparing all vectors. Nothing when pgvector's arithmetic cannot be relied on for this query.
std::optional<PostgresOrder> PostgresOperatorOrder(const PostgresIndexKind& kind,
                                                   std::span<const float> query);

/// The conditions of a search: its model, its filters except words, and what it leaves out. Their
/// values are added to the parameters.
std::string PostgresSearchCondition(const SimilarQuery& query, PostgresParams& params);

/// The `wanted` first records of the query's model in that order: the columns of kPostgresFields,
/// the vector for DecodeVector, and the key.
PostgresStatement PostgresCandidates(const SimilarQuery& query, const PostgresOrder& order,
                                     int wanted);

/// A statement, for the session: how far the index looks for k records.
std::string PostgresIndexSettings(int vector_version, int k);

/// A statement, for a transaction: from here on an index is taken wherever it can be.
std::string PostgresForceIndex();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CANDIDATES_H_
