// SPDX-License-Identifier: BSD-3-Clause
#include "engines/multi/merged_search.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <new>
#include <set>
#include <tuple>
#include <utility>

#include "core/text.h"
#include "engines/database_base.h"
#include "index/threads.h"

namespace embeddingsdb {
namespace {

using Answer = Result<std::vector<SimilarRecord>>;

/// More than most machines have cores, because a member may be waiting for another machine.
constexpr std::size_t kThreads = 8;

Status CheckOneMetric(const std::vector<const Member*>& holders, const std::string& model) {
  const Member& first = *holders.front();
  for (const Member* holder : holders) {
    if (holder->metric != first.metric) {
      return FailedPreconditionError(
          Concat("model ", Quote(model), " is in ", first.name,
                 " with metric=", MetricName(first.metric), " and in ", holder->name,
                 " with metric=", MetricName(holder->metric), ", which cannot be compared"));
    }
  }
  return {};
}

Answer SearchOne(const Member& member, const SimilarQuery& query) {
  try {
    return Named(member, member.database->Similar(query));
  } catch (const std::bad_alloc&) {
    // On a thread of ours nobody else would catch it.
    return Named(member, Answer(ResourceExhaustedError("no memory for the search")));
  }
}

/// The k nearest of several answers, a key only once, and a subject when the query groups by it.
std::vector<SimilarRecord> Merge(std::vector<SimilarRecord> found, std::size_t k,
                                 GroupBy group_by) {
  std::sort(found.begin(), found.end(), [](const SimilarRecord& a, const SimilarRecord& b) {
    return std::tie(a.distance, a.key) < std::tie(b.distance, b.key);
  });
  std::set<Key> seen;
  std::erase_if(found,
                [&](const SimilarRecord& record) { return !seen.insert(record.key).second; });
  if (group_by == GroupBy::kSubject) {
    KeepNearestOfSubjects(found);
  }
  if (found.size() > k) {
    found.resize(k);
  }
  return found;
}

}  // namespace

Result<std::vector<SimilarRecord>> SearchMembers(const std::vector<const Member*>& holders,
                                                 const SimilarQuery& query) {
  if (holders.empty()) {
    return std::vector<SimilarRecord>{};
  }
  if (holders.size() == 1) {
    return Named(*holders.front(), holders.front()->database->Similar(query));
  }
  EDB_TRY(CheckOneMetric(holders, query.model));
  std::vector<Answer> answers(holders.size(), std::vector<SimilarRecord>{});
  std::atomic<std::size_t> next = 0;
  RunOnThreads(std::min(holders.size(), kThreads), [&](std::size_t /*thread*/) {
    for (std::size_t i = next++; i < holders.size(); i = next++) {
      answers[i] = SearchOne(*holders[i], query);
    }
  });

  int k = 0;
  std::vector<SimilarRecord> found;
  for (std::size_t i = 0; i < holders.size(); ++i) {
    EDB_TRY(answers[i].status());
    std::move(answers[i]->begin(), answers[i]->end(), std::back_inserter(found));
    k = std::max(k, query.k.value_or(holders[i]->max_results));
  }
  return Merge(std::move(found), static_cast<std::size_t>(k), query.group_by);
}

}  // namespace embeddingsdb
