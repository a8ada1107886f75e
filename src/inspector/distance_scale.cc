// SPDX-License-Identifier: BSD-3-Clause
#include "inspector/distance_scale.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "inspector/pages.h"
#include "inspector/row_sample.h"
#include "projection/pair_distances.h"

namespace embeddingsdb {
namespace {

constexpr std::int64_t kMostRecords = 1'000'000'000'000;  // a server may say anything
constexpr std::size_t kFewPairs = 1'000;
constexpr std::size_t kPairsBehindADigit = 10;

/// What is known of a model before any record is read.
struct ModelFacts {
  std::optional<Metric> metric;
  std::int64_t records = 0;
  double bytes = 0;  ///< of all vectors
};

/// Several databases as one may have the model each.
ModelFacts FactsOf(const DatabaseStats& stats, const std::string& model) {
  ModelFacts facts;
  for (const ModelStats& one : stats.models) {
    if (one.name != model) {
      continue;
    }
    const bool agrees = facts.records == 0 || facts.metric == one.metric;
    facts.metric = agrees ? one.metric : std::nullopt;
    const std::int64_t records = std::clamp(one.records, std::int64_t{0}, kMostRecords);
    facts.records += records;
    facts.bytes += static_cast<double>(records) * one.dimension * sizeof(float);
  }
  return facts;
}

bool StillFits(const DistanceScale& scale, const ModelFacts& facts) {
  const std::int64_t change = facts.records - scale.records;
  return scale.metric == facts.metric && 2 * std::max(change, -change) <= scale.records;
}

Result<Rows> SampleOf(Client& client, const std::string& model, std::int64_t records,
                      const std::stop_token& stop) {
  RowSample sample({.records = kMaxScaleRecords, .bytes = kMaxScaleBytes}, records);
  EDB_TRY(ScanUntil(client, {{.column = Column::kModel, .value = model}}, stop,
                    [&](const Record& record) {
                      sample.Take(record.embedding);
                      return !sample.full();
                    }));
  return sample.TakeRows();
}

/// Few pairs tell nothing, nor do those that are all as far apart.
bool Tell(const std::vector<float>& pairs) {
  return pairs.size() >= kFewestScalePairs && pairs.front() != pairs.back();
}

/// "99.98" of 99,980 of 100,000.
std::string Percent(std::size_t part, std::size_t whole) {
  std::size_t unit = 1;  // of which there are so many in a percent
  while (unit < 100 && whole / (100 * unit * 10) >= kPairsBehindADigit) {
    unit *= 10;
  }
  // As many nines as there are, and a digit: 98, 99.5, 99.98.
  while (unit > 1 && (whole - part) * 100 * unit >= whole * 10) {
    unit /= 10;
  }
  const std::size_t units = part * 100 * unit / whole;
  if (units == 0) {
    return "less than 1";
  }
  const std::string text = std::to_string(units / unit);
  return unit == 1 ? text : Concat(text, ".", std::to_string(unit + units % unit).substr(1));
}

}  // namespace

std::size_t DistanceScale::FurtherThan(float distance) const {
  return static_cast<std::size_t>(pairs.end() - std::ranges::upper_bound(pairs, distance));
}

Result<std::shared_ptr<const DistanceScale>> MakeDistanceScale(
    Client& client, const std::string& model, const std::shared_ptr<const DistanceScale>& before,
    const std::stop_token& stop) {
  const Result<DatabaseStats> stats = client.Stats();
  if (!stats.ok() && stats.status().code() != StatusCode::kUnimplemented) {
    return stats.status();
  }
  const ModelFacts facts = stats.ok() ? FactsOf(*stats, model) : ModelFacts();
  if (before && StillFits(*before, facts)) {
    return before;
  }
  DistanceScale scale{.metric = facts.metric, .records = facts.records};
  if (scale.metric && scale.records > 0 && facts.bytes <= static_cast<double>(kMaxScaleReadBytes)) {
    EDB_ASSIGN(const Rows rows, SampleOf(client, model, scale.records, stop));
    scale.sampled = rows.size();
    scale.pairs = PairDistances(*scale.metric, rows, kMaxScalePairs);
    if (!Tell(scale.pairs)) {
      scale.pairs.clear();
    }
  }
  return std::shared_ptr<const DistanceScale>(
      std::make_shared<const DistanceScale>(std::move(scale)));
}

std::string_view MetricTitle(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return "Euclidean distance";
    case Metric::kCosine:
      return "cosine distance";
    case Metric::kInnerProduct:
      break;
  }
  return "inner product";
}

std::string_view MetricNote(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return "Distances are Euclidean: 0 is the same.";
    case Metric::kCosine:
      return "Distances are cosine distances: 0 is the same direction, 1 a right angle, 2 the "
             "opposite.";
    case Metric::kInnerProduct:
      break;
  }
  return "Distances are 1 minus the inner product: smaller is nearer, also below 0.";
}

std::string NearnessOf(const DistanceScale& scale, float distance) {
  const std::size_t pairs = scale.pairs.size();
  if (pairs == 0) {
    return "";
  }
  const std::size_t further = scale.FurtherThan(distance);
  const std::string all = Grouped(static_cast<std::int64_t>(pairs));
  if (further == pairs) {
    return Concat("nearer than all ", all, " pairs compared");
  }
  if (further == 0) {
    return Concat("nearer than none of the ", all, " pairs compared");
  }
  if (pairs < kFewPairs) {
    return Concat("nearer than ", further, " of the ", all, " pairs compared");
  }
  return Concat("nearer than ", Percent(further, pairs), " % of pairs");
}

std::string DistancesMember(const DistanceScale* scale, std::span<const SimilarRecord> similar) {
  if (scale == nullptr || !scale->metric) {
    return "";
  }
  std::string json = Concat(",\"distances\":{\"metric\":\"", MetricName(*scale->metric), "\"");
  if (!scale->pairs.empty()) {
    json += Concat(",\"pairs\":", scale->pairs.size(),
                   ",\"further\":", JsonArray(similar, [&](const SimilarRecord& found) {
                     return std::to_string(scale->FurtherThan(found.distance));
                   }));
  }
  return json + "}";
}

}  // namespace embeddingsdb
