// SPDX-License-Identifier: BSD-3-Clause
//
// The graph and its builder: recall, filters, and the ends of the range.
#include "index/hnsw_graph.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "index/hnsw_builder.h"
#include "support/records.h"

namespace embeddingsdb {
namespace {

constexpr int kDimension = 32;

class SlotSet final : public SlotFilter, public std::set<Slot> {
 public:
  bool Allows(Slot slot) const override { return contains(slot); }
};

/// Vectors in clusters, and their codes.
struct Codes {
  Codes(Metric metric, Precision precision, std::size_t count)
      : codec(metric, precision, kDimension), bytes(count * codec.stride()) {
    std::mt19937 random(3);
    std::normal_distribution<float> gauss;
    std::vector<std::vector<float>> centres(50, std::vector<float>(kDimension));
    for (auto& centre : centres) {
      std::generate(centre.begin(), centre.end(), [&] { return 2 * gauss(random); });
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<float> vector = centres[random() % centres.size()];
      for (float& element : vector) {
        element += gauss(random);
      }
      codec.Encode(vector, {bytes.data() + i * codec.stride(), codec.stride()});
    }
  }
  CodeView view() const { return {&chunk, 30, codec.stride()}; }
  std::size_t count() const { return bytes.size() / codec.stride(); }

  /// The k nearest allowed slots to a slot's code, by comparing all.
  std::vector<Slot> Nearest(Slot query, std::size_t k, const SlotSet* allowed) const {
    std::vector<SlotDistance> all;
    for (Slot slot = 0; slot < count(); ++slot) {
      if (allowed == nullptr || allowed->Allows(slot)) {
        all.push_back({codec.Compare(view().at(query), view().at(slot)), slot});
      }
    }
    k = std::min(k, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < k; ++i) {
      slots.push_back(all[i].slot);
    }
    return slots;
  }

  VectorCodec codec;
  std::vector<std::byte> bytes;
  const std::byte* chunk = bytes.data();
};

Result<HnswGraph> BuildHnsw(const VectorCodec& codec, CodeView codes, std::size_t count,
                            const HnswBuildOptions& options) {
  HnswBuilder builder(codec);
  EDB_TRY(builder.Extend(codes, count, options));
  return builder.Export(codes);
}

/// The part of the k truly nearest that a search finds, over every 37th slot as query.
double Recall(const Codes& codes, const HnswGraph& graph, std::size_t expansion,
              const SlotSet* allowed = nullptr) {
  constexpr std::size_t kNeighbours = 10;
  std::size_t hits = 0;
  std::size_t asked = 0;
  HnswScratch scratch;
  for (Slot query = 0; query < codes.count(); query += 37) {
    const auto found = graph.Search(
        {codes.codec, codes.view()},
        {.code = codes.view().at(query), .expansion = expansion, .filter = allowed}, scratch);
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
    std::set<Slot> slots;
    for (const SlotDistance& one : found.first(std::min(kNeighbours, found.size()))) {
      EXPECT_TRUE(slots.insert(one.slot).second) << "twice: " << one.slot;
      EXPECT_TRUE(allowed == nullptr || allowed->Allows(one.slot));
    }
    for (const Slot slot : codes.Nearest(query, kNeighbours, allowed)) {
      hits += slots.count(slot);
      ++asked;
    }
  }
  return static_cast<double>(hits) / static_cast<double>(asked);
}

TEST(HnswGraph, FindsNearlyAllNeighboursInEveryMetricAndPrecision) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
    for (const Precision precision :
         {Precision::kF32, Precision::kBf16, Precision::kF16, Precision::kI8}) {
      const Codes codes(metric, precision, 1'000);
      const auto graph = BuildHnsw(codes.codec, codes.view(), codes.count(), {.threads = 2});
      ASSERT_OK(graph);
      EXPECT_EQ(graph->size(), codes.count());
      EXPECT_GT(Recall(codes, *graph, 100), 0.96)
          << MetricName(metric) << " " << static_cast<int>(precision);
    }
  }
}

TEST(HnswGraph, MoreExpansionFindsMore) {
  const Codes codes(Metric::kL2, Precision::kBf16, 2'000);
  const auto graph = BuildHnsw(codes.codec, codes.view(), codes.count(), {.expansion = 4});
  ASSERT_OK(graph);
  const double few = Recall(codes, *graph, 10);
  EXPECT_LT(few, Recall(codes, *graph, 200));
  EXPECT_GT(Recall(codes, *graph, 200), 0.9);
}

TEST(HnswGraph, ReturnsOnlyAllowedSlots) {
  const Codes codes(Metric::kL2, Precision::kBf16, 1'500);
  const auto graph = BuildHnsw(codes.codec, codes.view(), codes.count(), {});
  ASSERT_OK(graph);
  SlotSet third;
  for (Slot slot = 0; slot < codes.count(); slot += 3) {
    third.insert(slot);
  }
  EXPECT_GT(Recall(codes, *graph, 64, &third), 0.97);
  const SlotSet none;
  HnswScratch scratch;
  EXPECT_TRUE(graph
                  ->Search({codes.codec, codes.view()},
                           {.code = codes.view().at(0), .expansion = 64, .filter = &none}, scratch)
                  .empty());
}

TEST(HnswGraph, EqualVectorsAreAllFound) {
  Codes codes(Metric::kL2, Precision::kBf16, 500);
  for (Slot slot = 100; slot < 130; ++slot) {
    std::copy_n(codes.view().at(100), codes.codec.stride(),
                codes.bytes.begin() + static_cast<std::ptrdiff_t>(slot * codes.codec.stride()));
  }
  const auto graph = BuildHnsw(codes.codec, codes.view(), codes.count(), {.threads = 2});
  ASSERT_OK(graph);
  HnswScratch scratch;
  const auto found = graph->Search({codes.codec, codes.view()},
                                   {.code = codes.view().at(100), .expansion = 64}, scratch);
  ASSERT_GE(found.size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(found[i], (SlotDistance{0, static_cast<Slot>(100 + i)}));
  }
}

TEST(HnswGraph, SmallGraphsAreComplete) {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 20U, 100U}) {
    const Codes codes(Metric::kL2, Precision::kF32, count);
    const auto graph = BuildHnsw(codes.codec, codes.view(), count, {.threads = 3});
    ASSERT_OK(graph);
    HnswScratch scratch;
    const std::vector<std::byte> query(codes.codec.stride());
    EXPECT_EQ(
        graph
            ->Search({codes.codec, codes.view()}, {.code = query.data(), .expansion = 200}, scratch)
            .size(),
        count);
  }
}

TEST(HnswGraph, SearchesRunTogether) {
  const Codes codes(Metric::kL2, Precision::kBf16, 1'000);
  const auto graph = BuildHnsw(codes.codec, codes.view(), codes.count(), {.threads = 2});
  ASSERT_OK(graph);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] { EXPECT_GT(Recall(codes, *graph, 64), 0.9); });
  }
}

TEST(HnswBuilder, AGraphThatGrewIsAsGood) {
  const Codes codes(Metric::kL2, Precision::kBf16, 2'000);
  HnswBuilder builder(codes.codec);
  for (const std::size_t count : {1U, 2U, 700U, 700U, 1'500U, 2'000U}) {
    ASSERT_OK(builder.Extend(codes.view(), count, {.threads = 2}));
    EXPECT_EQ(builder.size(), count);
    EXPECT_EQ(builder.Export(codes.view())->size(), count);
  }
  EXPECT_GT(Recall(codes, *builder.Export(codes.view()), 64), 0.97);
}

TEST(HnswGraph, LeadsToEveryRowOfTightClusters) {
  // Clusters of ten, far apart and each hardly larger than a point: what building leaves unreached.
  Codes codes(Metric::kL2, Precision::kF32, 2'000);
  std::mt19937 random(4);
  std::normal_distribution<float> gauss;
  std::vector<float> centre(kDimension);
  for (Slot slot = 0; slot < codes.count(); ++slot) {
    if (slot % 10 == 0) {
      std::generate(centre.begin(), centre.end(), [&] { return gauss(random); });
    }
    std::vector<float> vector = centre;
    vector[slot % kDimension] += 1e-4F * static_cast<float>(slot % 10);
    codes.codec.Encode(vector,
                       {codes.bytes.data() + slot * codes.codec.stride(), codes.codec.stride()});
  }
  const auto graph = BuildHnsw(codes.codec, codes.view(), codes.count(), {.threads = 2});
  ASSERT_OK(graph);
  HnswScratch scratch;
  const auto all = graph->Search({codes.codec, codes.view()},
                                 {.code = codes.view().at(7), .expansion = codes.count()}, scratch);
  EXPECT_EQ(all.size(), codes.count());
}

TEST(HnswBuilder, StopsWhenAsked) {
  const Codes codes(Metric::kL2, Precision::kBf16, 3'000);
  std::stop_source source;
  source.request_stop();
  EXPECT_FAILS(BuildHnsw(codes.codec, codes.view(), codes.count(), {.stop = source.get_token()}),
               kCancelled, "stopped");
}

}  // namespace
}  // namespace embeddingsdb
