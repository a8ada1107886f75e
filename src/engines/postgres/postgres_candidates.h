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

/// What candidates are sorted by. The query's vector is $1, a vector of pgvector.
struct PostgresOrder {
  std::string key;     ///< the nearest have the smallest
  std::string vector;  ///< what `key` calls so; empty when it does not
  /// No index has the key: rows without one come first, and fewer than asked for are all.
  bool all = false;
};

/// Of a candidate, by their numbers.
struct PostgresCandidateColumn {
  static constexpr int kProvider = 0;
  static constexpr int kDepictionId = 1;
  static constexpr int kSubjectId = 2;
  static constexpr int kAttributes = 3;
  static constexpr int kVector = 4;  ///< for DecodeVector
  static constexpr int kKey = 5;
};

/// By the model's index, which has exactly this key.
PostgresOrder PostgresIndexOrder(const PostgresIndexKind& kind);

/// By comparing all vectors. Nothing when pgvector's arithmetic cannot be relied on for this query.
std::optional<PostgresOrder> PostgresOperatorOrder(const PostgresIndexKind& kind,
                                                   std::span<const float> query);

/// The conditions of a search: its model, its filters except words, and what it leaves out. Their
/// values are added to the parameters; that of the model is not when `model` is a literal of SQL
/// that has it.
std::string PostgresSearchCondition(const SimilarQuery& query, PostgresParams& params,
                                    const std::string& model = "");

/// True when one plan is the best for every vector, and for whatever is left out: the statement is
/// worth preparing, with the model as a literal, as only such a plan can use the model's index.
/// Filters may leave few records, for which another plan is better, so the server has to see them.
bool PostgresPlanLasts(const SimilarQuery& query, const PostgresOrder& order);

/// The `wanted` first records of the query's model in that order: the columns of
/// PostgresCandidateColumn. `model` is as above.
PostgresStatement PostgresCandidates(const SimilarQuery& query, const PostgresOrder& order,
                                     int wanted, const std::string& model = "");

/// A statement, for the session: how far the index looks for k records.
std::string PostgresIndexSettings(int vector_version, int k);

/// A statement, for a transaction: from here on an index is taken wherever it can be.
std::string PostgresForceIndex();

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_CANDIDATES_H_
