// SPDX-License-Identifier: BSD-3-Clause
//
// The embedded engines against usearch itself, in the same run, over Fashion-MNIST: import, the
// first answer before there is an index, building it, opening, searching with and without filters,
// memory and disk. What usearch does is search only: no records, no store, no filters.
//
//   embedded_bench [rows [dimension [folder [engine...]]]]
//
// The folder (default: a new one in TMPDIR) keeps what is imported, so a second run measures the
// same databases again without importing.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <usearch/index_dense.hpp>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/registry.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "fashion_mnist.h"
#include "index/distance.h"
#include "index/hnsw_graph.h"

namespace embeddingsdb {
namespace {

namespace us = unum::usearch;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kNeighbours = 10;
constexpr std::size_t kBatch = 8'192;  // the commits of an import
constexpr int kTurns = 3;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

/// Prints and ends the program.
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    (void)std::fprintf(stderr, "embedded_bench: %s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}
void Must(const Status& status) {
  if (!status.ok()) {
    (void)std::fprintf(stderr, "embedded_bench: %s\n", status.ToString().c_str());
    std::exit(1);
  }
}

/// One row in twenty, in a hundred, in a thousand, or none of them.
std::string ProviderOf(std::size_t row) {
  return row % 1'000 == 7 ? "0.1 %" : row % 100 == 5 ? "1 %" : row % 20 == 3 ? "5 %" : "other";
}

using Truth = std::vector<std::vector<std::size_t>>;

/// The nearest rows of a provider ("": of any) to every query.
Truth ExactNeighbours(const FashionMnist& set, const std::string& provider) {
  Truth truth(set.queries.size());
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < 2; ++t) {
    running.emplace_back([&, t] {
      std::vector<float> dots(set.rows.size());
      for (std::size_t q = t; q < set.queries.size(); q += 2) {
        BestKernels().dot(set.queries.row(q), set.rows.values.data(), dots);
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < set.rows.size(); ++i) {
          if (provider.empty() || ProviderOf(i) == provider) {
            order.push_back(i);
          }
        }
        const auto end = static_cast<std::ptrdiff_t>(std::min(kNeighbours, order.size()));
        std::partial_sort(order.begin(), order.begin() + end, order.end(),
                          [&](std::size_t a, std::size_t b) { return dots[a] > dots[b]; });
        truth[q].assign(order.begin(), order.begin() + end);
      }
    });
  }
  return truth;
}

struct Figures {
  double recall = 0;
  double p50 = 1e9;  // milliseconds
  double p99 = 1e9;
};

/// Asks every query; `ask` returns the rows found.
template <typename Ask>
Figures Measure(const FashionMnist& set, const Truth& truth, int turns, const Ask& ask) {
  Figures figures;
  for (int turn = 0; turn < turns; ++turn) {
    std::vector<double> times;
    std::size_t hits = 0;
    std::size_t wanted = 0;
    for (std::size_t q = 0; q < set.queries.size(); ++q) {
      const auto start = Clock::now();
      const std::vector<std::size_t> found = ask(set.queries.row(q));
      times.push_back(Seconds(start) * 1e3);
      wanted += truth[q].size();
      for (const std::size_t row : found) {
        hits += std::count(truth[q].begin(), truth[q].end(), row) > 0 ? 1U : 0U;
      }
    }
    std::sort(times.begin(), times.end());
    figures.recall = static_cast<double>(hits) / static_cast<double>(wanted);
    figures.p50 = std::min(figures.p50, times[times.size() / 2]);
    figures.p99 = std::min(figures.p99, times[times.size() * 99 / 100]);
  }
  return figures;
}

/// Queries a second of two threads.
template <typename Ask>
double Throughput(const FashionMnist& set, const Ask& ask) {
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t q = t; q < set.queries.size(); q += 2) {
          ask(set.queries.row(q));
        }
      });
    }
  }
  return static_cast<double>(set.queries.size()) / Seconds(start);
}

class Usearch {
 public:
  /// Built, or read from the file of an earlier run.
  Usearch(const FashionMnist& set, us::scalar_kind_t kind, const fs::path& file) : set_(set) {
    const us::metric_punned_t metric(set.rows.dimension, us::metric_kind_t::cos_k, kind);
    us::index_dense_config_t config(HnswGraph::kUpperLinks);
    index_ = us::index_dense_t::make(metric, config).index;
    if (fs::exists(file) && index_.load(file.c_str())) {
      index_.try_reserve(us::index_limits_t(index_.size(), 2));
      return;
    }
    const auto start = Clock::now();
    index_.try_reserve(us::index_limits_t(set.rows.size(), 2));
    {
      std::vector<std::jthread> running;
      for (std::size_t t = 0; t < 2; ++t) {
        running.emplace_back([&, t] {
          for (std::size_t i = t; i < set.rows.size(); i += 2) {
            index_.add(i, set.rows.row(i).data(), t).error.release();
          }
        });
      }
    }
    std::printf("usearch: build %.1f s with two threads\n", Seconds(start));
    index_.save(file.c_str());
  }

  std::vector<std::size_t> Search(std::span<const float> query) {
    const auto result = index_.search(query.data(), kNeighbours);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < result.size(); ++i) {
      rows.push_back(static_cast<std::size_t>(result[i].member.key));
    }
    return rows;
  }
  /// With the smallest expansion that finds as much.
  Figures MeasureAt(double recall, const Truth& truth, std::size_t& expansion) {
    Figures figures;
    for (expansion = 16; expansion < 1'024; expansion += expansion / 2) {
      index_.change_expansion_search(expansion);
      figures = Measure(set_, truth, 1, [&](auto query) { return Search(query); });
      if (figures.recall >= recall) {
        break;
      }
    }
    return Measure(set_, truth, kTurns, [&](auto query) { return Search(query); });
  }

 private:
  const FashionMnist& set_;
  us::index_dense_t index_;
};

std::size_t AnonymousBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) {
      return std::strtoul(line.c_str() + 8, nullptr, 10) * 1'024;
    }
  }
  return 0;
}

/// Has the kernel forget what it keeps of the files, so that the next read is from the disk.
void Forget(const fs::path& folder) {
  ::sync();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
      (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
      (void)::close(fd);
    }
  }
}

std::uintmax_t DiskBytes(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    bytes += entry.is_regular_file() ? entry.file_size() : 0;
  }
  return bytes;
}

bool HasIndexFile(const fs::path& folder) {
  return std::any_of(fs::recursive_directory_iterator(folder), fs::recursive_directory_iterator(),
                     [](const auto& entry) { return entry.path().extension() == ".index"; });
}

/// One engine and its database.
class Engine {
 public:
  Engine(std::string name, const FashionMnist& set, const fs::path& folder)
      : name_(std::move(name)), set_(set), folder_(folder / name_), env_(NewPosixEnv()) {
    RegisterBuiltinEngines(registry_);
    fs::create_directories(folder_);
    uri_ = Concat(name_, "://", folder_.string(), "/db?metric=cosine&max-distance=0");
  }

  void Run(Usearch& usearch, const Truth& truth);

 private:
  void Open() { database_ = Must(registry_.OpenDatabase(uri_, {.env = env_.get(), .log = &log_})); }
  void Close() {
    Must(database_->Close());
    database_.reset();
  }
  Record RecordOf(std::size_t row) const {
    const auto vector = set_.rows.row(row);
    return {.key = {ProviderOf(row), Concat("depiction-", row), "fashion"},
            .subject_id = Concat("subject-", row / 4),
            .embedding = {vector.begin(), vector.end()},
            .created = 1,
            .attributes = {{"title", Concat("Picture number ", row)},
                           {"creditline", "Fashion-MNIST, MIT licence"},
                           {"label", Concat("label ", row % 10)}}};
  }
  std::vector<std::size_t> Search(std::span<const float> query, const std::string& provider = {}) {
    SimilarQuery similar{.model = "fashion", .embedding = {query.begin(), query.end()}};
    if (!provider.empty()) {
      similar.provider = provider;
    }
    std::vector<std::size_t> rows;
    for (const SimilarRecord& record : Must(database_->Similar(similar))) {
      rows.push_back(std::strtoul(record.key.depiction_id.c_str() + 10, nullptr, 10));
    }
    return rows;
  }
  void Import();
  void Build();
  void FirstAnswers();
  void Filters(double unfiltered);

  std::string name_;
  const FashionMnist& set_;
  fs::path folder_;
  std::unique_ptr<Env> env_;
  Logger log_;
  Registry registry_;
  std::string uri_;
  std::unique_ptr<Database> database_;
};

void Engine::Import() {
  const auto start = Clock::now();
  for (std::size_t first = 0; first < set_.rows.size(); first += kBatch) {
    std::vector<Record> batch;
    for (std::size_t row = first; row < std::min(first + kBatch, set_.rows.size()); ++row) {
      batch.push_back(RecordOf(row));
    }
    Must(database_->AddBatch(batch).status());
  }
  Must(database_->Flush());
  std::printf("  import: %.0f records/s\n", static_cast<double>(set_.rows.size()) / Seconds(start));
}

void Engine::Build() {
  const auto start = Clock::now();
  Search(set_.queries.row(0));
  std::printf("  first answer without an index: %.2f s\n", Seconds(start));
  const Truth all = ExactNeighbours(set_, "");
  const Figures exact = Measure(set_, all, 1, [&](auto query) { return Search(query); });
  std::printf("  comparing all while the index is built: p50 %.2f ms, recall %.4f\n", exact.p50,
              exact.recall);
  while (!HasIndexFile(folder_)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::printf("  index after %.1f s, searches going on at first\n", Seconds(start));
}

void Engine::FirstAnswers() {
  for (const bool cold : {true, false, false}) {
    Close();
    if (cold) {
      Forget(folder_);
    }
    const std::size_t before = AnonymousBytes();
    const auto start = Clock::now();
    Open();
    const double open = Seconds(start);
    Search(set_.queries.row(1));
    std::printf("  open to first answer, %s: %.0f ms (open %.0f ms), anonymous memory %+.1f MB\n",
                cold ? "cold" : "warm", Seconds(start) * 1e3, open * 1e3,
                (static_cast<double>(AnonymousBytes()) - static_cast<double>(before)) / 1e6);
  }
}

void Engine::Filters(double unfiltered) {
  for (const std::string provider : {"5 %", "1 %", "0.1 %"}) {
    const Truth truth = ExactNeighbours(set_, provider);
    const Figures figures =
        Measure(set_, truth, kTurns, [&](auto query) { return Search(query, provider); });
    std::printf("  filter %-5s: p50 %.3f ms p99 %.3f, recall %.4f; ratio to unfiltered %.2f\n",
                provider.c_str(), figures.p50, figures.p99, figures.recall,
                figures.p50 / unfiltered);
  }
}

void Engine::Run(Usearch& usearch, const Truth& truth) {
  std::printf("%s\n", name_.c_str());
  Open();
  if (Must(database_->Count({})) == 0) {
    Import();
    Close();
    Open();
  }
  if (!HasIndexFile(folder_)) {
    Build();
  }
  FirstAnswers();
  const Figures ours = Measure(set_, truth, kTurns, [&](auto query) { return Search(query); });
  std::size_t expansion = 0;
  const Figures theirs = usearch.MeasureAt(ours.recall, truth, expansion);
  std::printf(
      "  search: p50 %.3f ms p99 %.3f, recall %.4f; usearch (expansion %zu) %.3f %.3f %.4f;"
      " ratio %.2f\n",
      ours.p50, ours.p99, ours.recall, expansion, theirs.p50, theirs.p99, theirs.recall,
      ours.p50 / theirs.p50);
  const double ours_rate = Throughput(set_, [&](auto query) { return Search(query); });
  const double theirs_rate = Throughput(set_, [&](auto query) { return usearch.Search(query); });
  std::printf("  two threads: %.0f/s, usearch %.0f/s: ratio %.2f\n", ours_rate, theirs_rate,
              ours_rate / theirs_rate);
  Filters(ours.p50);
  Close();
  const double raw = static_cast<double>(set_.rows.values.size() * sizeof(float));
  std::printf("  disk: %.2f x the raw float32 bytes\n",
              static_cast<double>(DiskBytes(folder_)) / raw);
}

int Main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 235'200;
  const std::size_t dimension = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 512;
  fs::path folder = argc > 3 ? fs::path(argv[3]) : fs::path();
  if (folder.empty()) {
    std::string made = (fs::temp_directory_path() / "embedded_bench.XXXXXX").string();
    folder = ::mkdtemp(made.data()) == nullptr ? "." : made;
  }
  std::vector<std::string> engines(argv + std::min(argc, 4), argv + argc);
  if (engines.empty()) {
    engines = {"sqlite", "duckdb", "lmdb"};
  }
  const FashionMnist set = Must(LoadFashionMnist(rows, dimension));
  const Truth truth = ExactNeighbours(set, "");
  std::printf("%zu x %zu, %zu queries, databases in %s\n", set.rows.size(), dimension,
              set.queries.size(), folder.c_str());
  for (const std::string& engine : engines) {
    const bool f32 = engine == "duckdb";
    Usearch usearch(set, f32 ? us::scalar_kind_t::f32_k : us::scalar_kind_t::bf16_k,
                    folder / (f32 ? "usearch-f32" : "usearch-bf16"));
    Engine(engine, set, folder).Run(usearch, truth);
  }
  return 0;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  return embeddingsdb::Main(argc, argv);
}
