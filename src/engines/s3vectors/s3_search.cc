// SPDX-License-Identifier: BSD-3-Clause
//
// Similar: the service's search with the filters in it, asked for more until the answer is whole;
// and all records compared here where that cannot be.
#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

#include "embeddingsdb/limits.h"

#include "engines/s3vectors/s3_database.h"
#include "engines/s3vectors/s3_listing.h"
#include "index/distance.h"

namespace embeddingsdb::s3vectors {
namespace {

// Asked for beyond k, so that a tie at the end is seen without a second request.
constexpr std::size_t kSpare = 2;
constexpr std::size_t kGrowth = 4;

/// Nearer first, then by key.
struct Nearer {
  bool operator()(const SimilarRecord& a, const SimilarRecord& b) const {
    return std::tie(a.distance, a.key) < std::tie(b.distance, b.key);
  }
};

bool Contains(std::span<const std::string> values, const std::string& value) {
  return std::ranges::find(values, value) != values.end();
}

/// What the filter of the request may have let through.
bool Wanted(const SimilarQuery& query, const RecordMatcher& matcher, const Record& record) {
  return record.key.model == query.model &&
         (!query.provider || record.key.provider == *query.provider) &&
         !Contains(query.exclude, record.key.depiction_id) &&
         (!query.exclude_record || record.key != *query.exclude_record) && matcher.Matches(record);
}

SimilarRecord ToSimilar(Record record, float distance) {
  return {std::move(record.key), std::move(record.subject_id), distance,
          std::move(record.attributes)};
}

bool IsZero(std::span<const float> vector) {
  return std::ranges::all_of(vector, [](float element) { return element == 0; });
}

}  // namespace

Result<std::vector<SimilarRecord>> S3VectorsDatabase::CompareAll(
    const ResolvedSimilarQuery& resolved) {
  const SimilarQuery& query = *resolved.query;
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return std::vector<SimilarRecord>();
  }
  const RecordMatcher matcher(query.filters);
  std::priority_queue<SimilarRecord, std::vector<SimilarRecord>, Nearer> nearest;
  S3Listing listing(index_, true);
  S3Vector vector;
  while (true) {
    EDB_ASSIGN(const bool more, listing.Next(vector));
    if (!more) {
      break;
    }
    EDB_ASSIGN(Record record, RecordOf(std::move(vector)));
    if (!Wanted(query, matcher, record) || record.embedding.size() != query.embedding.size()) {
      continue;
    }
    const float distance = ExactDistance(facts->metric, query.embedding, record.embedding);
    if (distance > resolved.max_distance) {
      continue;
    }
    nearest.push(ToSimilar(std::move(record), distance));
    if (nearest.size() > static_cast<std::size_t>(resolved.k)) {
      nearest.pop();
    }
  }
  std::vector<SimilarRecord> answer;
  for (; !nearest.empty(); nearest.pop()) {
    answer.push_back(nearest.top());
  }
  std::ranges::reverse(answer);
  return answer;
}

Result<std::vector<SimilarRecord>> S3VectorsDatabase::DoSimilar(
    const ResolvedSimilarQuery& resolved) {
  const SimilarQuery& query = *resolved.query;
  EDB_ASSIGN(const std::optional<S3IndexFacts> facts, Facts());
  if (!facts) {
    return std::vector<SimilarRecord>{};
  }
  const auto dimension = static_cast<std::size_t>(facts->dimension);
  if (query.embedding.size() != dimension) {
    return WrongDimension("the query", query.model, query.embedding.size(), dimension);
  }
  // A vector of zeros has no direction, and the service refuses it.
  if (query.exact || (facts->metric == Metric::kCosine && IsZero(query.embedding))) {
    return CompareAll(resolved);
  }
  const std::string filter = S3FilterOf(query, facts->layout);
  const RecordMatcher matcher(query.filters);
  const auto k = static_cast<std::size_t>(resolved.k);
  for (std::size_t top_k = k + kSpare; top_k <= static_cast<std::size_t>(kMaxS3Results);
       top_k *= kGrowth) {
    EDB_ASSIGN(std::vector<S3Vector> found,
               index_->Query(query.embedding, static_cast<int>(top_k), filter));
    const bool all = found.size() < top_k;
    const float farthest = found.empty() ? 0 : found.back().distance;
    std::vector<SimilarRecord> answer;
    for (S3Vector& vector : found) {
      const float distance = vector.distance;
      EDB_ASSIGN(Record record, RecordOf(std::move(vector)));
      if (distance <= resolved.max_distance && Wanted(query, matcher, record)) {
        answer.push_back(ToSimilar(std::move(record), distance));
      }
    }
    std::ranges::sort(answer, Nearer());
    // Records as far away as the last one may not have been among those found.
    const bool whole = all || farthest > resolved.max_distance ||
                       (answer.size() >= k && answer[k - 1].distance < farthest);
    if (whole) {
      answer.resize(std::min(answer.size(), k));
      return answer;
    }
  }
  return CompareAll(resolved);
}

}  // namespace embeddingsdb::s3vectors
