// SPDX-License-Identifier: BSD-3-Clause
//
// usearch itself: search only, with no records, no store and no filters.
#ifndef EMBEDDINGSDB_BENCH_USEARCH_BASELINE_H_
#define EMBEDDINGSDB_BENCH_USEARCH_BASELINE_H_

#include <cstddef>
#include <filesystem>
#include <span>
#include <thread>
#include <usearch/index_dense.hpp>
#include <vector>

#include "fashion_mnist.h"
#include "index/hnsw_graph.h"
#include "measure.h"

namespace embeddingsdb {

class UsearchBaseline {
 public:
  /// Built with two threads, or read from the file of an earlier run.
  UsearchBaseline(const VectorSet& rows, unum::usearch::scalar_kind_t kind,
                  const std::filesystem::path& file) {
    namespace us = unum::usearch;
    const us::metric_punned_t metric(rows.dimension, us::metric_kind_t::cos_k, kind);
    us::index_dense_config_t config(HnswGraph::kUpperLinks);
    index_ = us::index_dense_t::make(metric, config).index;
    if (std::filesystem::exists(file) && index_.load(file.c_str())) {
      index_.try_reserve(us::index_limits_t(index_.size(), 2));
      return;
    }
    const auto start = Clock::now();
    index_.try_reserve(us::index_limits_t(rows.size(), 2));
    {
      std::vector<std::jthread> running;
      for (std::size_t t = 0; t < 2; ++t) {
        running.emplace_back([&, t] {
          for (std::size_t i = t; i < rows.size(); i += 2) {
            index_.add(i, rows.row(i).data(), t).error.release();
          }
        });
      }
    }
    build_seconds_ = SecondsSince(start);
    index_.save(file.c_str());
  }

  /// 0 when it was read.
  double build_seconds() const { return build_seconds_; }
  void set_expansion(std::size_t expansion) { index_.change_expansion_search(expansion); }

  std::vector<std::size_t> Search(std::span<const float> query, std::size_t neighbours) {
    const auto result = index_.search(query.data(), neighbours);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < result.size(); ++i) {
      rows.push_back(static_cast<std::size_t>(result[i].member.key));
    }
    return rows;
  }

 private:
  unum::usearch::index_dense_t index_;
  double build_seconds_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_BENCH_USEARCH_BASELINE_H_
