// SPDX-License-Identifier: BSD-3-Clause
//
// How long the inspector's maps take: PCA to the plane, neighbours, and the layout that keeps
// them. Synthetic: 200 clusters; the second size is that of the largest map whose vectors are held,
// the third that of the largest map, whose records have been brought to 64 components.
#include <benchmark/benchmark.h>
#include <map>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "projection/layout.h"
#include "projection/neighbours.h"
#include "projection/pca.h"
#include "projection/rows.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kClusters = 200;

const Rows& Clustered(std::size_t count, std::size_t dimension) {
  static std::map<std::pair<std::size_t, std::size_t>, Rows> made;
  const auto found = made.find({count, dimension});
  if (found != made.end()) {
    return found->second;
  }
  Random random(1);
  std::vector<std::vector<float>> centres(kClusters, std::vector<float>(dimension));
  for (std::vector<float>& centre : centres) {
    for (float& element : centre) {
      element = random.Symmetric();
    }
  }
  Rows rows(dimension);
  rows.Reserve(count);
  std::vector<float> row(dimension);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < dimension; ++j) {
      row[j] = centres[i % kClusters][j] + 0.5F * random.Symmetric();
    }
    rows.Append(row);
  }
  rows.Centre();
  return made.emplace(std::pair(count, dimension), std::move(rows)).first->second;
}

const Rows& RowsOf(const benchmark::State& state) {
  return Clustered(static_cast<std::size_t>(state.range(0)),
                   static_cast<std::size_t>(state.range(1)));
}

void BM_Pca(benchmark::State& state) {
  const Rows& rows = RowsOf(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(PcaPoints(rows, {}).value());
  }
}

void BM_Neighbours(benchmark::State& state) {
  const Rows& rows = RowsOf(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(NearestNeighbours(rows, {}).value());
  }
}

void BM_Layout(benchmark::State& state) {
  const Rows& rows = RowsOf(state);
  const std::vector<Point> start = PcaPoints(rows, {}).value();
  const Neighbours neighbours = NearestNeighbours(rows, {}).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(NeighbourLayout(neighbours, start, {}).value());
  }
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->Args({1'465, 1'280})
      ->Args({50'000, 512})
      ->Args({kMaxMapRecords, kNeighbourComponents})
      ->Unit(benchmark::kMillisecond)
      ->Iterations(1);
}

BENCHMARK(BM_Pca)->Apply(Sizes);
BENCHMARK(BM_Neighbours)->Apply(Sizes);
BENCHMARK(BM_Layout)->Apply(Sizes);

}  // namespace
}  // namespace embeddingsdb
