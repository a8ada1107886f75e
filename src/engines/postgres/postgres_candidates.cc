// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_candidates.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "engines/postgres/postgres_rows.h"

namespace embeddingsdb {
namespace {

constexpr int kMinEf = 100;           // how far pgvector's index looks
constexpr int kMaxEf = 1'000;         // it takes no more
constexpr int kIterativeScans = 800;  // since pgvector 0.8.0

}  // namespace

PostgresOrder PostgresIndexOrder(const PostgresIndexKind& kind) {
  const std::string asked = kind.Cast(kind.halves() ? "$1::vector" : "$1");
  return {.key = Concat(kind.Expression(), " ", kind.Operator(), " ", asked),
          .vector = "",
          .all = false};
}

std::optional<PostgresOrder> PostgresOperatorOrder(const PostgresIndexKind& kind,
                                                   std::span<const float> query) {
  const std::string asked = PostgresVectorCast("$1", kind.dimension);
  const std::string vector = PostgresVectorCast("embedding", kind.dimension);
  const std::string_view nearer = kind.Operator();
  if (kind.metric == Metric::kL2) {
    return PostgresOrder{.key = Concat("nullif(vector ", nearer, " ", asked, ", 'NaN')"),
                         .vector = vector,
                         .all = true};
  }
  // The norm is computed in double precision and tells where the rest, in single, cannot be relied
  // on. Such rows have no key, and are proposed first.
  std::string key = Concat("vector ", nearer, " ", asked);
  if (kind.metric == Metric::kCosine) {
    double squares = 0;
    for (const float element : query) {
      const auto wide = static_cast<double>(element);
      squares += wide * wide;
    }
    if (squares < 1e-30 || squares > 1e30) {
      return std::nullopt;
    }
    key = Concat("CASE WHEN vector_norm(vector) BETWEEN 1e-15 AND 1e15 THEN ", key, " END");
  } else {
    // What rounding may have added to the product grows with the lengths of the vectors.
    const std::string norms = Concat("(vector_norm(vector) * vector_norm(", asked, "))");
    key = Concat("CASE WHEN ", norms, " < 1e37 THEN (", key, ") - ", norms, " * ",
                 kind.dimension + 8, " * 1.2e-7 END");
  }
  return PostgresOrder{.key = key, .vector = vector, .all = true};
}

std::string PostgresSearchCondition(const SimilarQuery& query, PostgresParams& params,
                                    const std::string& model) {
  std::vector<Filter> filters = query.filters;
  if (model.empty()) {
    filters.push_back({Column::kModel, query.model});
  }
  if (query.provider) {
    filters.push_back({Column::kProvider, *query.provider});
  }
  std::string sql = PostgresCondition(filters, params);
  if (!model.empty()) {
    sql = Concat("model = ", model, " AND ", sql);
  }
  if (!query.exclude.empty()) {
    params.Texts(query.exclude);
    sql += Concat(" AND depiction_id <> ALL (", params.Last(), ")");
  }
  if (query.exclude_record && query.exclude_record->model == query.model) {
    params.Text(query.exclude_record->provider);
    sql += Concat(" AND (provider <> ", params.Last());
    params.Text(query.exclude_record->depiction_id);
    sql += Concat(" OR depiction_id <> ", params.Last(), ")");
  }
  return sql;
}

bool PostgresPlanLasts(const SimilarQuery& query, const PostgresOrder& order) {
  return !order.all && !query.provider && query.filters.empty();
}

PostgresStatement PostgresCandidates(const SimilarQuery& query, const PostgresOrder& order,
                                     int wanted, const std::string& model) {
  PostgresStatement statement;
  statement.params.Vector(query.embedding);
  const std::string condition = PostgresSearchCondition(query, statement.params, model);
  // With OFFSET the inner query stays one, so each vector is read and made once.
  const std::string rows_from =
      order.all ? Concat("(SELECT *, ", order.vector, " AS vector FROM records WHERE ", condition,
                         " OFFSET 0) AS rows ORDER BY key NULLS FIRST")
                : Concat("records WHERE ", condition, " ORDER BY ", order.key);
  // As vector, which the server sends in half the bytes of real[].
  const std::string_view vector = order.all ? "vector" : "embedding::vector";
  statement.sql = Concat("SELECT provider, depiction_id, subject_id, attributes, ", vector, ", ",
                         order.key, " AS key FROM ", rows_from, " LIMIT ", wanted);
  return statement;
}

std::string PostgresIndexSettings(int vector_version, int k) {
  return Concat("SELECT set_config('hnsw.ef_search', '", std::clamp(k, kMinEf, kMaxEf), "', false)",
                vector_version >= kIterativeScans
                    ? ", set_config('hnsw.iterative_scan', 'strict_order', false)"
                    : "");
}

std::string PostgresForceIndex() {
  return "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)";
}

}  // namespace embeddingsdb
