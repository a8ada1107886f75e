// SPDX-License-Identifier: BSD-3-Clause
//
// Building a whole index against usearch building its graph, in the same run: ours loads and
// encodes the vectors, links them, measures how far searches have to look, asks every row for
// itself, and writes, syncs and maps the file. No searches meanwhile. Prints the time that passed
// and that of the processors, which says more on a machine that does other things too.
//
//   index_build_bench [rows [dimension [threads of usearch]]]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <usearch/index_dense.hpp>
#include <vector>

#include "core/env.h"
#include "core/text.h"
#include "fashion_mnist.h"
#include "index/hnsw_builder.h"
#include "index/index_file.h"
#include "index/index_set.h"
#include "measure.h"

namespace embeddingsdb {
namespace {

namespace us = unum::usearch;

struct Times {
  double passed = 0;  // seconds
  double processor = 0;
};

double Now(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <typename Work>
Times Time(const Work& work) {
  const double passed = Now(CLOCK_MONOTONIC);
  const double processor = Now(CLOCK_PROCESS_CPUTIME_ID);
  work();
  return {Now(CLOCK_MONOTONIC) - passed, Now(CLOCK_PROCESS_CPUTIME_ID) - processor};
}

/// One file in the folder for temporary ones.
class OneFile final : public IndexFiles {
 public:
  OneFile() {
    folder_ = (std::filesystem::temp_directory_path() / "index_build_bench.XXXXXX").string();
    if (::mkdtemp(folder_.data()) == nullptr) {
      Must(UnavailableError("no folder for temporary files"));
    }
  }
  OneFile(const OneFile&) = delete;
  OneFile& operator=(const OneFile&) = delete;
  ~OneFile() override { std::filesystem::remove_all(folder_); }

  bool writable() const override { return true; }
  Result<std::shared_ptr<const IndexFile>> Open(std::string_view /*model*/,
                                                const VectorCodec& codec) override {
    return IndexFile::Open(*env_, Path(), codec, 0);
  }
  Result<std::shared_ptr<const IndexFile>> Write(std::string_view model, const VectorCodec& codec,
                                                 const IndexFileContents& contents,
                                                 CodeView codes) override {
    EDB_TRY(IndexFile::Write(*env_, Path(), contents, {codec, codes}));
    return Open(model, codec);
  }

 private:
  std::string Path() const { return folder_ + "/index"; }

  std::string folder_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

Times Ours(const VectorSet& rows, Precision precision) {
  OneFile file;
  IndexSet set({.metric = Metric::kCosine,
                .mode = IndexMode::kHnsw,
                .precision = precision,
                .files = &file});
  const auto visit = [&](RowId, const IndexSet::RowSink& sink) -> Status {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EDB_TRY(sink({static_cast<RowId>(i + 1), "provider", Concat("depiction-", i), rows.row(i)}));
    }
    return {};
  };
  return Time([&] {
    Must(
        set.Load("m", {.dimension = static_cast<int>(rows.dimension), .visit = visit, .list = {}}));
    while (set.file_size("m") < rows.size()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
}

Times Usearch(const VectorSet& rows, us::scalar_kind_t kind, std::size_t threads) {
  const us::metric_punned_t metric(rows.dimension, us::metric_kind_t::cos_k, kind);
  us::index_dense_config_t config(HnswGraph::kUpperLinks);
  config.expansion_add = HnswBuildOptions{}.expansion;
  us::index_dense_t index = us::index_dense_t::make(metric, config).index;
  return Time([&] {
    index.try_reserve(us::index_limits_t(rows.size(), threads));
    std::vector<std::jthread> running;
    for (std::size_t t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (std::size_t i = t; i < rows.size(); i += threads) {
          index.add(i, rows.row(i).data(), t).error.release();
        }
      });
    }
  });
}

void Print(const char* what, Times times) {
  std::printf("%-14s %7.1f s, of the processors %7.1f s\n", what, times.passed, times.processor);
  (void)std::fflush(stdout);
}

void PrintRatio(const char* what, Times ours, Times theirs) {
  std::printf("%-32s %.2f, of the processors %.2f\n", what, ours.passed / theirs.passed,
              ours.processor / theirs.processor);
}

int Main(std::size_t rows, std::size_t dimension, std::size_t threads) {
  const Result<FashionMnist> loaded = LoadFashionMnist(rows, dimension);
  Must(loaded.status());
  const VectorSet& set = loaded->rows;
  std::printf("%zu x %zu, %zu threads\n", set.size(), dimension, threads);
  const Times ours = Ours(set, Precision::kBf16);
  Print("ours, bf16", ours);
  const Times halves = Usearch(set, us::scalar_kind_t::bf16_k, threads);
  Print("usearch, bf16", halves);
  const Times floats = Usearch(set, us::scalar_kind_t::f32_k, threads);
  Print("usearch, f32", floats);
  PrintRatio("ours to usearch in bf16", ours, halves);
  PrintRatio("ours to usearch in f32", ours, floats);
  return 0;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t fallback) {
    return argc > i ? static_cast<std::size_t>(std::strtoul(argv[i], nullptr, 10)) : fallback;
  };
  return embeddingsdb::Main(number(1, 235'200), number(2, 512),
                            number(3, std::max(1U, std::thread::hardware_concurrency())));
}
