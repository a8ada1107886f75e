// SPDX-License-Identifier: BSD-3-Clause
//
// What we use of pgvector: its operators on the records' real[], and an index for each model.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_VECTOR_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_VECTOR_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/status.h"

#include "engines/postgres/postgres_handle.h"

namespace embeddingsdb {

/// Which indexes would serve a model's searches.
struct PostgresIndexKind {
  Metric metric = Metric::kL2;
  int dimension = 0;

  /// False when pgvector indexes no vectors of this length.
  bool possible() const;
  /// True when the index has the vectors as halfvec, whose numbers are float16.
  bool halves() const;
  /// "embedding::vector(3)", or ::halfvec(3) where vector's limit is passed: what is indexed, and
  /// has to be asked for.
  std::string Expression() const;
  /// Of the query's vector, whose parameter is given: "$2::vector(3)".
  std::string Cast(std::string_view parameter) const;
  /// The distance operator: "<->", "<=>", "<#>".
  std::string_view Operator() const;
  std::string OperatorClass() const;
};

/// "embedding::vector(3)" for lengths of any size, for searches that compare all.
std::string PostgresVectorCast(std::string_view what, int dimension);

/// What a search has to know of its model.
struct PostgresModel {
  int dimension = 0;
  bool indexed = false;  ///< there is a valid index for the metric
};

/// Nothing when the model has no records.
Result<std::optional<PostgresModel>> FindPostgresModel(PostgresConnection& connection,
                                                       const std::string& model, Metric metric);

/// Makes the model's index, anew beside the one that is there, which serves meanwhile; writers go
/// on. Not in a transaction; takes its time, so the session should have no statement timeout.
Status MakePostgresIndex(PostgresConnection& connection, const std::string& model,
                         const PostgresIndexKind& kind);

/// Drops every index of the model, in the caller's transaction.
Status DropPostgresIndexes(PostgresConnection& connection, const std::string& model);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_VECTOR_H_
