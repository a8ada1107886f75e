// SPDX-License-Identifier: BSD-3-Clause
//
// The graph against usearch itself, in the same run: both build over the same vectors in the same
// precision with the same parameters, and answer the same queries. By turns, best of each.
//
//   hnsw_bench [rows [dimension [threads [bf16|f32|f16|i8]]]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <usearch/index_dense.hpp>
#include <vector>

#include "fashion_mnist.h"
#include "index/aligned_floats.h"
#include "index/distance.h"
#include "index/hnsw_builder.h"
#include "measure.h"

namespace embeddingsdb {
namespace {

namespace us = unum::usearch;

constexpr std::size_t kNeighbours = 10;

using Truth = std::vector<std::vector<Slot>>;

Truth ExactNeighbours(const FashionMnist& set, std::size_t threads) {
  Truth truth(set.queries.size());
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      std::vector<float> dots(set.rows.size());
      std::vector<Slot> order(set.rows.size());
      for (std::size_t q = t; q < set.queries.size(); q += threads) {
        BestKernels().dot(set.queries.row(q), set.rows.values.data(), dots);
        for (std::size_t i = 0; i < order.size(); ++i) {
          order[i] = static_cast<Slot>(i);
        }
        std::partial_sort(order.begin(), order.begin() + kNeighbours, order.end(),
                          [&](Slot a, Slot b) { return dots[a] > dots[b]; });
        truth[q].assign(order.begin(), order.begin() + kNeighbours);
      }
    });
  }
  return truth;
}

std::size_t Hits(const std::vector<Slot>& truth, const std::vector<Slot>& found) {
  return static_cast<std::size_t>(std::count_if(found.begin(), found.end(), [&](Slot slot) {
    return std::find(truth.begin(), truth.end(), slot) != truth.end();
  }));
}

struct Figures {
  double recall = 0;
  double p50 = 1e9;
  double p99 = 1e9;
};

/// Asks every query once; `ask` fills the slots of the nearest.
template <typename Ask>
void Measure(const FashionMnist& set, const Truth& truth, Figures& figures, const Ask& ask) {
  Times times;
  std::size_t hits = 0;
  std::vector<Slot> found;
  for (std::size_t q = 0; q < set.queries.size(); ++q) {
    found.clear();
    const auto start = Clock::now();
    ask(set.queries.row(q), found);
    times.Add(SecondsSince(start) * 1e3);
    hits += Hits(truth[q], found);
  }
  figures.recall =
      static_cast<double>(hits) / static_cast<double>(kNeighbours * set.queries.size());
  figures.p50 = std::min(figures.p50, times.p50());
  figures.p99 = std::min(figures.p99, times.p99());
}

us::scalar_kind_t KindOf(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return us::scalar_kind_t::bf16_k;
    case Precision::kF16:
      return us::scalar_kind_t::f16_k;
    case Precision::kI8:
      return us::scalar_kind_t::i8_k;
    case Precision::kF32:
      break;
  }
  return us::scalar_kind_t::f32_k;
}

double BuildUsearch(const VectorSet& rows, std::size_t threads, us::index_dense_t& index) {
  const auto start = Clock::now();
  index.try_reserve(us::index_limits_t(rows.size(), threads));
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (std::size_t i = t; i < rows.size(); i += threads) {
        auto result = index.add(i, rows.row(i).data(), t);
        result.error.release();
      }
    });
  }
  running.clear();
  return SecondsSince(start);
}

void Run(std::size_t rows, std::size_t dimension, std::size_t threads, Precision precision) {
  const FashionMnist set = Must(LoadFashionMnist(rows, dimension));
  const Truth truth = ExactNeighbours(set, threads);

  us::metric_punned_t metric(dimension, us::metric_kind_t::cos_k, KindOf(precision));
  us::index_dense_config_t config(HnswGraph::kUpperLinks);
  config.expansion_add = HnswBuildOptions{}.expansion;
  auto made = us::index_dense_t::make(metric, config);
  us::index_dense_t& usearch = made.index;
  const double usearch_build = BuildUsearch(set.rows, threads, usearch);

  const VectorCodec codec(Metric::kCosine, precision, static_cast<int>(dimension));
  const auto start = Clock::now();
  AlignedFloats memory = NewAlignedFloats(set.rows.size() * codec.stride() / sizeof(float));
  auto* const bytes = reinterpret_cast<std::byte*>(memory.get());
  for (std::size_t i = 0; i < set.rows.size(); ++i) {
    codec.Encode(set.rows.row(i), {bytes + i * codec.stride(), codec.stride()});
  }
  const std::byte* const chunk = bytes;
  const CodeView codes{&chunk, 31, codec.stride()};
  const double encode = SecondsSince(start);
  HnswBuilder builder(codec);
  Must(builder.Extend(codes, set.rows.size(), {.threads = threads}));
  HnswGraph graph = Must(builder.Export(codes));
  const double build = SecondsSince(start);
  std::printf("%zu x %zu, %zu threads, ours in %s, usearch in %s\n", set.rows.size(), dimension,
              threads, std::string(codec.isa()).c_str(), metric.isa_name());
  std::printf("build: usearch %.1f s, ours %.1f s (encoding %.2f s): ratio %.2f\n", usearch_build,
              build, encode, build / usearch_build);
  HnswScratch scratch;
  std::vector<std::byte> query(codec.stride());
  for (const std::size_t expansion : {16U, 24U, 32U, 48U, 64U, 96U, 128U}) {
    Figures theirs;
    Figures ours;
    for (int turn = 0; turn < 3; ++turn) {
      usearch.change_expansion_search(expansion);
      Measure(set, truth, theirs, [&](std::span<const float> vector, std::vector<Slot>& found) {
        const auto result = usearch.search(vector.data(), kNeighbours);
        for (std::size_t i = 0; i < result.size(); ++i) {
          found.push_back(static_cast<Slot>(result[i].member.key));
        }
      });
      Measure(set, truth, ours, [&](std::span<const float> vector, std::vector<Slot>& found) {
        codec.Encode(vector, query);
        const auto nearest =
            graph.Search({codec, codes}, {.code = query.data(), .expansion = expansion}, scratch);
        for (const SlotDistance& one : nearest.first(std::min(kNeighbours, nearest.size()))) {
          found.push_back(one.slot);
        }
      });
    }
    std::printf(
        "ef %3zu: usearch recall %.4f p50 %.3f p99 %.3f ms; ours %.4f %.3f %.3f; ratio %.2f\n",
        expansion, theirs.recall, theirs.p50, theirs.p99, ours.recall, ours.p50, ours.p99,
        ours.p50 / theirs.p50);
  }
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  using embeddingsdb::Precision;
  const auto number = [&](int i, std::size_t fallback) {
    return argc > i ? static_cast<std::size_t>(std::strtoul(argv[i], nullptr, 10)) : fallback;
  };
  const std::string_view name = argc > 4 ? argv[4] : "bf16";
  const Precision precision = name == "f32"   ? Precision::kF32
                              : name == "f16" ? Precision::kF16
                              : name == "i8"  ? Precision::kI8
                                              : Precision::kBf16;
  embeddingsdb::Run(number(1, 235'200), number(2, 512),
                    number(3, std::max(1U, std::thread::hardware_concurrency())), precision);
}
