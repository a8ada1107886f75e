// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "core/json.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/postgres/postgres_candidates.h"
#include "engines/postgres/postgres_cursor.h"
#include "engines/postgres/postgres_rows.h"
#include "engines/postgres/postgres_transaction.h"
#include "engines/postgres/postgres_vector.h"
#include "index/distance.h"

namespace embeddingsdb {
namespace {

// More are asked for than wanted, so that one question mostly settles it: one tells that what
// follows is farther, but there may be ties, and asking again costs more where all are compared.
constexpr int kMoreByIndex = 1;
constexpr int kMoreCandidates = 4;
constexpr int kCandidatesGrow = 4;
// A model of which so many are as near is read as a whole.
constexpr int kMostCandidates = 20'000;
constexpr std::size_t kRowBytes = 64;  // beside the vector
constexpr std::size_t kBatchBytes = 4 * 1'024 * 1'024;
constexpr double kUnderflow = 1e-18;    // what the squares of small numbers lose
constexpr float kLargestHalf = 65'504;  // of halfvec
constexpr double kHalfRounding = 0x1p-11;

using Candidate = PostgresCandidateColumn;

bool Nearer(const SimilarRecord& a, const SimilarRecord& b) {
  return std::tie(a.distance, a.key) < std::tie(b.distance, b.key);
}

double SumOfSquares(std::span<const float> vector) {
  double sum = 0;
  for (const float element : vector) {
    const auto wide = static_cast<double>(element);
    sum += wide * wide;
  }
  return sum;
}

/// The k nearest of those it was given.
class Nearest {
 public:
  explicit Nearest(const ResolvedSimilarQuery& query)
      : k_(static_cast<std::size_t>(query.k)), max_distance_(query.max_distance) {}

  /// False when it is too far.
  bool Wants(float distance) const {
    return distance <= max_distance_ && (found_.size() < k_ || distance <= limit_);
  }
  void Add(SimilarRecord record) {
    found_.push_back(std::move(record));
    if (found_.size() >= 2 * k_ + 1) {
      Cut();
    }
  }
  /// What is farther than this does not belong to the answer.
  float Limit() {
    Cut();
    return found_.size() < k_ ? max_distance_ : std::min(limit_, max_distance_);
  }
  std::vector<SimilarRecord> Finish() {
    Cut();
    std::ranges::sort(found_, Nearer);
    return std::move(found_);
  }
  void Clear() { found_.clear(); }

 private:
  void Cut() {
    if (found_.size() < k_) {
      return;
    }
    const auto last = found_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::ranges::nth_element(found_, last, Nearer);
    limit_ = last->distance;
    found_.resize(k_);
  }

  std::size_t k_;
  float max_distance_;
  float limit_ = std::numeric_limits<float>::infinity();
  std::vector<SimilarRecord> found_;
};

class Search {
 public:
  Search(PostgresConnection& connection, const EngineOptions& options,
         const ResolvedSimilarQuery& resolved, PostgresIndexedModels& indexed)
      : connection_(connection),
        options_(options),
        indexed_(indexed),
        query_(*resolved.query),
        k_(resolved.k),
        nearest_(resolved) {}

  Result<std::vector<SimilarRecord>> Run();

 private:
  /// By what is known of the model; false when that was wrong or not enough.
  Result<bool> AtOnce();
  Result<std::vector<SimilarRecord>> InTransaction();
  /// False when halfvec cannot hold the query's vector.
  bool IndexTakesQuery() const;
  void SetUpIndex() {
    connection_.Setting(PostgresIndexSettings(connection_.vector_version(), k_ + kMoreCandidates));
  }
  /// False when it cannot be known that nothing is missing.
  Result<bool> ByIndex();
  Result<bool> ByOperator();
  Status ByReading();
  /// What reading leaves out, of those that were found.
  Status AddDetails(std::vector<SimilarRecord>& found);

  enum class Proposed : std::uint8_t {
    kEnough,  ///< nothing that was not proposed belongs to the answer
    kTooFew,
    kInVain,  ///< asking for more does not help
  };
  Result<PostgresResult> Candidates(const PostgresOrder& order, int wanted);
  /// Asks for candidates once.
  Result<Proposed> ProposeOnce(const PostgresOrder& order, int wanted);
  /// Asks for candidates until they are enough.
  Result<bool> Propose(const PostgresOrder& order);
  Status TakeCandidates(const PostgresResult& rows);
  Status WrongLength(std::size_t length) const {
    return DataLossError(
        Concat("a vector of model ", Quote(query_.model), " has ", length, " elements"));
  }
  /// A candidate whose exact distance is at most `limit` has at most this key.
  double LargestKey(float limit) const;
  int More(const PostgresOrder& order) const {
    return order.all || kind().halves() ? kMoreCandidates : kMoreByIndex;
  }
  /// What rounding takes and adds at most, relative to the sum of the products' magnitudes.
  double Rounding() const { return (dimension_ + 8) * 0x1p-24; }
  /// What halves take and add to a key, in all.
  double HalfRounding(double limit) const;
  /// The query's, times that of the longest candidate.
  double Lengths() const { return std::sqrt(SumOfSquares(query_.embedding) * longest_squared_); }
  PostgresIndexKind kind() const { return {.metric = options_.metric, .dimension = dimension_}; }

  PostgresConnection& connection_;
  const EngineOptions& options_;
  PostgresIndexedModels& indexed_;
  const SimilarQuery& query_;
  int k_;
  int dimension_ = 0;
  bool by_index_ = false;       // keys are the index's, which may be of halfvec
  double longest_squared_ = 0;  // of the candidates' vectors
  Nearest nearest_;
};

Result<std::vector<SimilarRecord>> Search::Run() {
  EDB_ASSIGN(const bool done, AtOnce());
  if (done) {
    return nearest_.Finish();
  }
  PostgresTransaction snapshot(connection_);
  snapshot.BeginSnapshot();
  return InTransaction();
}

Result<bool> Search::AtOnce() {
  dimension_ = indexed_.Find(query_.model);
  if (options_.index != IndexMode::kAuto || query_.exact || AnyPostgresWords(query_.filters) ||
      static_cast<std::size_t>(dimension_) != query_.embedding.size() || !IndexTakesQuery()) {
    return false;
  }
  SetUpIndex();
  const PostgresOrder order = PostgresIndexOrder(kind());
  const Result<Proposed> proposed = ProposeOnce(order, k_ + More(order));
  if (proposed.ok()) {
    return *proposed == Proposed::kEnough;
  }
  // Vectors that have another length by now.
  indexed_.Forget(query_.model);
  return proposed.status().code() == StatusCode::kInternal ? Result<bool>(false)
                                                           : proposed.status();
}

Result<std::vector<SimilarRecord>> Search::InTransaction() {
  EDB_ASSIGN(const std::optional<PostgresModel> model,
             FindPostgresModel(connection_, query_.model, options_.metric));
  if (!model) {
    return std::vector<SimilarRecord>();
  }
  dimension_ = model->dimension;
  if (static_cast<std::size_t>(dimension_) != query_.embedding.size()) {
    return WrongDimension("the query", query_.model, query_.embedding.size(),
                          static_cast<std::size_t>(dimension_));
  }
  const bool by_server = connection_.vector_version() != 0 && !AnyPostgresWords(query_.filters);
  if (model->indexed && options_.index == IndexMode::kAuto) {
    indexed_.Set(query_.model, dimension_);
  }
  bool done = false;
  if (by_server && model->indexed && options_.index != IndexMode::kExact && !query_.exact &&
      IndexTakesQuery()) {
    EDB_ASSIGN(done, ByIndex());
  }
  if (by_server && !done) {
    EDB_ASSIGN(done, ByOperator());
  }
  if (done) {
    return nearest_.Finish();
  }
  EDB_TRY(ByReading());
  std::vector<SimilarRecord> found = nearest_.Finish();
  EDB_TRY(AddDetails(found));
  return found;
}

bool Search::IndexTakesQuery() const {
  return !kind().halves() || std::ranges::all_of(query_.embedding, [](float element) {
    return std::abs(element) <= kLargestHalf;
  });
}

Result<bool> Search::ByIndex() {
  SetUpIndex();
  if (options_.index == IndexMode::kHnsw) {
    connection_.Ahead(PostgresForceIndex());
  }
  return Propose(PostgresIndexOrder(kind()));
}

Result<bool> Search::ByOperator() {
  const std::optional<PostgresOrder> order = PostgresOperatorOrder(kind(), query_.embedding);
  return order ? Propose(*order) : false;
}

Result<bool> Search::Propose(const PostgresOrder& order) {
  for (int wanted = k_ + More(order); wanted <= kMostCandidates; wanted *= kCandidatesGrow) {
    EDB_ASSIGN(const Proposed proposed, ProposeOnce(order, wanted));
    if (proposed != Proposed::kTooFew) {
      return proposed == Proposed::kEnough;
    }
  }
  return false;
}

Result<PostgresResult> Search::Candidates(const PostgresOrder& order, int wanted) {
  if (!PostgresPlanLasts(query_, order)) {
    const PostgresStatement statement = PostgresCandidates(query_, order, wanted);
    return connection_.Query(statement.sql, statement.params);
  }
  EDB_ASSIGN(const std::string model, connection_.Literal(query_.model));
  const PostgresStatement statement = PostgresCandidates(query_, order, wanted, model);
  return connection_.Prepared(statement.sql, statement.params);
}

Result<Search::Proposed> Search::ProposeOnce(const PostgresOrder& order, int wanted) {
  by_index_ = !order.all;
  EDB_ASSIGN(const PostgresResult rows, Candidates(order, wanted));
  nearest_.Clear();
  EDB_TRY(TakeCandidates(rows));
  if (rows.rows() < wanted) {
    return order.all ? Proposed::kEnough : Proposed::kInVain;
  }
  const int last = rows.rows() - 1;
  if (rows.IsNull(last, Candidate::kKey)) {
    return Proposed::kTooFew;
  }
  EDB_ASSIGN(const double farthest, rows.Real(last, Candidate::kKey));
  if (!std::isfinite(farthest)) {
    return Proposed::kInVain;
  }
  return farthest > LargestKey(nearest_.Limit()) ? Proposed::kEnough : Proposed::kTooFew;
}

double Search::LargestKey(float limit) const {
  const double rounded = static_cast<double>(limit) * (limit < 0 ? 1 - 0x1p-23 : 1 + 0x1p-23);
  const double halves = by_index_ && kind().halves() ? HalfRounding(rounded) : 0;
  switch (options_.metric) {
    case Metric::kL2:
      return rounded * (1 + Rounding() / 2) + kUnderflow + halves;  // a root halves it
    case Metric::kCosine:
      return rounded + 4 * Rounding() + halves;
    case Metric::kInnerProduct:
      break;
  }
  // Where all are compared, keys have it.
  return rounded - 1 + halves + (by_index_ ? Rounding() * Lengths() : 0);
}

double Search::HalfRounding(double limit) const {
  if (options_.metric == Metric::kCosine) {
    return 4 * kHalfRounding;
  }
  if (options_.metric == Metric::kL2) {
    // A vector within the limit is no longer than the query's and the limit together.
    return kHalfRounding * (2 * std::sqrt(SumOfSquares(query_.embedding)) + limit);
  }
  return 2 * kHalfRounding * Lengths();
}

Status Search::TakeCandidates(const PostgresResult& rows) {
  std::vector<float> vector;
  for (int row = 0; row < rows.rows(); ++row) {
    EDB_TRY(DecodeVector(rows.Text(row, Candidate::kVector), vector));
    if (vector.size() != query_.embedding.size()) {
      return WrongLength(vector.size());
    }
    if (by_index_ && options_.metric == Metric::kInnerProduct) {
      longest_squared_ = std::max(longest_squared_, SumOfSquares(vector));
    }
    const float distance = ExactDistance(options_.metric, query_.embedding, vector);
    if (!nearest_.Wants(distance)) {
      continue;
    }
    SimilarRecord record = {
        .key = {.provider = std::string(rows.Text(row, Candidate::kProvider)),
                .depiction_id = std::string(rows.Text(row, Candidate::kDepictionId)),
                .model = query_.model},
        .subject_id = std::string(rows.Text(row, Candidate::kSubjectId)),
        .distance = distance,
        .attributes = {}};
    EDB_ASSIGN(record.attributes,
               ReadPostgresAttributes(rows.Text(row, Candidate::kAttributes), record.key));
    nearest_.Add(std::move(record));
  }
  return {};
}

Status Search::ByReading() {
  nearest_.Clear();
  std::vector<Filter> words;
  std::ranges::copy_if(query_.filters, std::back_inserter(words),
                       [](const Filter& filter) { return filter.column == Column::kWords; });
  const RecordMatcher matcher(words);
  PostgresParams params;
  const std::string condition = PostgresSearchCondition(query_, params);
  const std::string sql =
      Concat("SELECT provider, depiction_id, embedding", words.empty() ? "" : ", attributes",
             " FROM records WHERE ", condition);
  const std::size_t row_bytes = kRowBytes + 8 * static_cast<std::size_t>(dimension_);
  PostgresCursor cursor(connection_);
  EDB_TRY(cursor.Declare(sql, params, static_cast<int>(kBatchBytes / row_bytes)));
  Record record;
  record.key.model = query_.model;
  while (true) {
    EDB_ASSIGN(const bool more, cursor.Next());
    if (!more) {
      return {};
    }
    const PostgresResult& rows = cursor.result();
    EDB_TRY(rows.Floats(cursor.row(), 2, record.embedding));
    if (record.embedding.size() != query_.embedding.size()) {
      return WrongLength(record.embedding.size());
    }
    const float distance = ExactDistance(options_.metric, query_.embedding, record.embedding);
    if (!nearest_.Wants(distance)) {
      continue;
    }
    if (!words.empty()) {
      EDB_ASSIGN(record.attributes, AttributesFromJson(rows.Text(cursor.row(), 3)));
    }
    if (matcher.Matches(record)) {
      record.key.provider = rows.Text(cursor.row(), 0);
      record.key.depiction_id = rows.Text(cursor.row(), 1);
      nearest_.Add({record.key, "", distance, {}});
    }
  }
}

Status Search::AddDetails(std::vector<SimilarRecord>& found) {
  std::vector<std::string> providers;
  std::vector<std::string> depictions;
  for (const SimilarRecord& record : found) {
    providers.push_back(record.key.provider);
    depictions.push_back(record.key.depiction_id);
  }
  PostgresParams params;
  params.Text(query_.model);
  params.Texts(providers);
  params.Texts(depictions);
  // One row for each, in their order: they are there, at this moment.
  EDB_ASSIGN(const PostgresResult rows,
             connection_.Query("SELECT subject_id, attributes FROM unnest($2, $3) WITH ORDINALITY"
                               " AS found(provider, depiction_id, place) JOIN records r"
                               " ON r.model = $1 AND r.provider = found.provider"
                               " AND r.depiction_id = found.depiction_id ORDER BY place",
                               params));
  if (static_cast<std::size_t>(rows.rows()) != found.size()) {
    return DataLossError("records that were found cannot be read");
  }
  for (int row = 0; row < rows.rows(); ++row) {
    SimilarRecord& record = found[static_cast<std::size_t>(row)];
    record.subject_id = rows.Text(row, 0);
    EDB_ASSIGN(record.attributes, AttributesFromJson(rows.Text(row, 1)));
  }
  return {};
}

}  // namespace

int PostgresIndexedModels::Find(const std::string& model) const {
  const std::lock_guard lock(mutex_);
  const auto found = lengths_.find(model);
  return found == lengths_.end() ? 0 : found->second;
}

void PostgresIndexedModels::Set(const std::string& model, int dimension) {
  const std::lock_guard lock(mutex_);
  lengths_[model] = dimension;
}

void PostgresIndexedModels::Forget(const std::string& model) {
  const std::lock_guard lock(mutex_);
  lengths_.erase(model);
}

Result<std::vector<SimilarRecord>> SearchPostgres(PostgresConnection& connection,
                                                  const EngineOptions& options,
                                                  const ResolvedSimilarQuery& query,
                                                  PostgresIndexedModels& indexed) {
  return Search(connection, options, query, indexed).Run();
}

}  // namespace embeddingsdb
