// SPDX-License-Identifier: BSD-3-Clause
//
// The embedded engines against usearch itself and a bare gRPC server, in the same run, over
// Fashion-MNIST: import, the first answer before there is an index, building it, opening, searching
// with and without filters, one caller and two, in the process and by gRPC, memory, export, disk.
// One table in the end.
//
//   embedded_bench [rows [dimension [folder [engine...]]]]
//
// The folder (default: a new one in TMPDIR) keeps what is imported, so a second run measures the
// same databases again without importing.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/parquet.h"
#include "embeddingsdb/registry.h"
#include "embeddingsdb/server.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "fashion_mnist.h"
#include "grpc_echo.h"
#include "index/distance.h"
#include "measure.h"
#include "result_table.h"
#include "rpc/builtin_rpc.h"
#include "rpc/grpc_server.h"
#include "usearch_baseline.h"

namespace embeddingsdb {
namespace {

namespace us = unum::usearch;
namespace fs = std::filesystem;

constexpr std::size_t kNeighbours = 10;
constexpr std::size_t kBatch = 8'192;  // the commits of an import
constexpr int kTurns = 3;

std::string Fixed(double value, int digits) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}
std::string Milliseconds(Times& times) {
  return Concat(Fixed(times.p50(), 3), ", ", Fixed(times.p99(), 3), " ms");
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
      times.push_back(SecondsSince(start) * 1e3);
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
  return static_cast<double>(set.queries.size()) / SecondsSince(start);
}

/// With the smallest expansion that finds as much.
Figures MeasureUsearch(UsearchBaseline& usearch, const FashionMnist& set, const Truth& truth,
                       double recall, std::size_t& expansion) {
  const auto search = [&](auto query) { return usearch.Search(query, kNeighbours); };
  for (expansion = 16; expansion < 1'024; expansion += expansion / 2) {
    usearch.set_expansion(expansion);
    if (Measure(set, truth, 1, search).recall >= recall) {
      break;
    }
  }
  return Measure(set, truth, kTurns, search);
}

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

/// The most anonymous memory of the process while this lives.
class MemoryWatch {
 public:
  MemoryWatch()
      : before_(AnonymousBytes()), watching_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            most_ = std::max(most_, AnonymousBytes());
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
          }
        }) {}
  /// What came on top of what there was before.
  std::string Finish() {
    watching_.request_stop();
    watching_.join();
    return Concat(Fixed((static_cast<double>(most_) - static_cast<double>(before_)) / 1e6, 0),
                  " MB");
  }

 private:
  std::size_t before_;
  std::size_t most_ = before_;
  std::jthread watching_;
};

/// One engine and its database.
class Engine {
 public:
  Engine(std::string name, const FashionMnist& set, const fs::path& folder, ResultTable& table)
      : name_(std::move(name)),
        set_(set),
        folder_(folder / name_),
        table_(table),
        env_(NewPosixEnv()) {
    RegisterBuiltinEngines(registry_);
    RegisterBuiltinClients(registry_);
    log_.set_level(LogLevel::kError);
    fs::create_directories(folder_);
    uri_ = Concat(name_, "://", folder_.string(), "/db?metric=cosine&max-distance=0");
  }

  void Run(UsearchBaseline& usearch, const Truth& truth);

 private:
  Context MakeContext() { return {.env = env_.get(), .log = &log_, .registry = &registry_}; }
  void Open() { database_ = Must(registry_.OpenDatabase(uri_, MakeContext())); }
  void Close() {
    Must(database_->Close());
    database_.reset();
  }
  void Tell(const std::string& row, const std::string& value) { table_.Set(name_, row, value); }
  void TellRate(const std::string& row, double seconds) {
    Tell(row, Concat(Fixed(static_cast<double>(set_.rows.size()) / seconds, 0), "/s"));
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
  static SimilarQuery QueryOf(std::span<const float> vector, const std::string& provider = {}) {
    SimilarQuery query{.model = "fashion", .embedding = {vector.begin(), vector.end()}};
    if (!provider.empty()) {
      query.provider = provider;
    }
    return query;
  }
  std::vector<std::size_t> Search(std::span<const float> vector, const std::string& provider = {}) {
    std::vector<std::size_t> rows;
    for (const SimilarRecord& record : Must(database_->Similar(QueryOf(vector, provider)))) {
      rows.push_back(std::strtoul(record.key.depiction_id.c_str() + 10, nullptr, 10));
    }
    return rows;
  }
  void Import();
  void Build();
  void FirstAnswers();
  void Searches(UsearchBaseline& usearch, const Truth& truth);
  void Filters(double unfiltered);
  void ByGrpc();
  void Export();

  std::string name_;
  const FashionMnist& set_;
  fs::path folder_;
  ResultTable& table_;
  std::unique_ptr<Env> env_;
  Logger log_;
  Registry registry_;
  std::string uri_;
  std::unique_ptr<Database> database_;
};

void Engine::Import() {
  MemoryWatch memory;
  const auto start = Clock::now();
  for (std::size_t first = 0; first < set_.rows.size(); first += kBatch) {
    std::vector<Record> batch;
    for (std::size_t row = first; row < std::min(first + kBatch, set_.rows.size()); ++row) {
      batch.push_back(RecordOf(row));
    }
    Must(database_->AddBatch(batch).status());
  }
  Must(database_->Flush());
  TellRate("import, records", SecondsSince(start));
  Tell("memory of the import", memory.Finish());
}

void Engine::Build() {
  const auto start = Clock::now();
  Search(set_.queries.row(0));
  Tell("first answer without an index", Concat(Fixed(SecondsSince(start), 2), " s"));
  const Truth all = ExactNeighbours(set_, "");
  const Figures exact = Measure(set_, all, 1, [&](auto query) { return Search(query); });
  Tell("comparing all meanwhile, p50", Concat(Fixed(exact.p50, 1), " ms"));
  Tell("its recall", Fixed(exact.recall, 4));
  while (!HasIndexFile(folder_)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Tell("index is there after", Concat(Fixed(SecondsSince(start), 0), " s"));
}

void Engine::FirstAnswers() {
  for (const bool cold : {true, false}) {
    Close();
    if (cold) {
      Forget(folder_);
    }
    (void)::malloc_trim(0);  // what the allocator keeps would be given back at some other moment
    const std::size_t before = AnonymousBytes();
    const auto start = Clock::now();
    Open();
    Search(set_.queries.row(1));
    Tell(Concat("open to first answer, ", cold ? "cold page cache" : "warm"),
         Concat(Fixed(SecondsSince(start) * 1e3, 0), " ms"));
    if (!cold) {
      Tell("anonymous memory after it", Concat(Fixed(static_cast<double>(AnonymousBytes()) / 1e6 -
                                                         static_cast<double>(before) / 1e6,
                                                     0),
                                               " MB"));
    }
  }
}

void Engine::Searches(UsearchBaseline& usearch, const Truth& truth) {
  const Figures ours = Measure(set_, truth, kTurns, [&](auto query) { return Search(query); });
  std::size_t expansion = 0;
  const Figures theirs = MeasureUsearch(usearch, set_, truth, ours.recall, expansion);
  const auto figures = [](const Figures& of) {
    return Concat(Fixed(of.p50, 3), ", ", Fixed(of.p99, 3), " ms");
  };
  Tell("search, one caller, p50, p99", figures(ours));
  Tell("recall of the ten nearest", Fixed(ours.recall, 4));
  Tell("usearch with at least that recall", figures(theirs));
  Tell("its expansion, recall", Concat(expansion, ", ", Fixed(theirs.recall, 4)));
  Tell("ratio of the p50s", Fixed(ours.p50 / theirs.p50, 2));
  Filters(ours.p50);
  MemoryWatch memory;
  const MakeAsk search = [this] {
    return [this](std::size_t query) { Search(set_.queries.row(query)); };
  };
  Times two = MeasureInTurn({search}, set_.queries.size(), 2)[0];
  Tell("two callers, p50, p99", Milliseconds(two));
  const double ours_rate = Throughput(set_, [&](auto query) { return Search(query); });
  const double theirs_rate =
      Throughput(set_, [&](auto query) { return usearch.Search(query, kNeighbours); });
  Tell("two callers, ratio of the throughputs", Fixed(ours_rate / theirs_rate, 2));
  Tell("memory under their load", memory.Finish());
}

void Engine::Filters(double unfiltered) {
  for (const std::string provider : {"5 %", "1 %", "0.1 %"}) {
    const Truth truth = ExactNeighbours(set_, provider);
    const Figures figures =
        Measure(set_, truth, kTurns, [&](auto query) { return Search(query, provider); });
    Tell(Concat("filter keeps ", provider, ": p50, its ratio to none, recall"),
         Concat(Fixed(figures.p50, 3), " ms, ", Fixed(figures.p50 / unfiltered, 2), ", ",
                Fixed(figures.recall, 4)));
  }
}

void Engine::ByGrpc() {
  Database& database = *database_;
  const auto server =
      Must(StartGrpcServer({.host = "127.0.0.1"}, std::move(database_), MakeContext()));
  std::jthread serving([&](const std::stop_token& stop) { Must(server->Serve(stop)); });
  const GrpcEcho echo(Must(database.Similar(QueryOf(set_.queries.row(0)))));
  const std::vector<MakeAsk> ways = {
      [&] {
        return [&](std::size_t query) {
          Must(database.Similar(QueryOf(set_.queries.row(query))).status());
        };
      },
      [&] {
        return [&, caller = std::make_shared<GrpcEcho::Caller>(echo)](std::size_t query) {
          caller->Ask(QueryOf(set_.queries.row(query)));
        };
      },
      [&] {
        const std::shared_ptr<Client> client =
            Must(registry_.OpenClient(Concat("grpc://", server->address()), MakeContext()));
        return [&, client](std::size_t query) {
          Must(client->Similar(QueryOf(set_.queries.row(query))).status());
        };
      }};
  for (const std::size_t callers : {1U, 2U}) {
    std::vector<Times> times = MeasureInTurn(ways, set_.queries.size(), callers);
    const std::string who = callers == 1 ? "one caller" : "two callers";
    Tell(Concat("by gRPC, ", who, ", p50, p99"), Milliseconds(times[2]));
    Tell(Concat("bare gRPC of the same messages, ", who), Milliseconds(times[1]));
    Tell(Concat("what ours adds to a search, ratio to bare, ", who),
         Fixed((times[2].p50() - times[0].p50()) / times[1].p50(), 2));
  }
  serving.request_stop();
}

void Engine::Export() {
  Open();
  const fs::path file = folder_.parent_path() / "export.parquet";
  const auto start = Clock::now();
  const auto cursor = Must(database_->Scan({}));
  const auto writer = Must(ParquetWriter::Create(file.string()));
  Record record;
  while (Must(cursor->Next(record))) {
    Must(writer->Write(record));
  }
  Must(writer->Finish());
  TellRate("export to Parquet, records", SecondsSince(start));
  Close();
  fs::remove(file);
}

void Engine::Run(UsearchBaseline& usearch, const Truth& truth) {
  Open();
  if (Must(database_->Count({})) == 0) {
    Import();
    Close();
    Open();
  }
  if (!HasIndexFile(folder_)) {
    Build();
  }
  if (usearch.build_seconds() > 0) {
    Tell("usearch builds alone in", Concat(Fixed(usearch.build_seconds(), 0), " s"));
  }
  FirstAnswers();
  Searches(usearch, truth);
  ByGrpc();
  Export();
  const double raw = static_cast<double>(set_.rows.values.size() * sizeof(float));
  Tell("disk, of the raw float32 bytes", Fixed(static_cast<double>(DiskBytes(folder_)) / raw, 2));
}

int Main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 235'200;
  const std::size_t dimension = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 512;
  fs::path folder = argc > 3 ? fs::path(argv[3]) : fs::path();
  if (folder.empty()) {
    std::string made = (fs::temp_directory_path() / "embedded_bench.XXXXXX").string();
    Must(::mkdtemp(made.data()) != nullptr, "cannot make a folder");
    folder = made;
  }
  std::vector<std::string> engines(argv + std::min(argc, 4), argv + argc);
  if (engines.empty()) {
    engines = {"sqlite", "lmdb", "duckdb"};
  }
  const FashionMnist set = Must(LoadFashionMnist(rows, dimension));
  const Truth truth = ExactNeighbours(set, "");
  std::printf("%zu x %zu, %zu queries, databases in %s\n\n", set.rows.size(), dimension,
              set.queries.size(), folder.c_str());
  ResultTable table;
  std::map<bool, std::unique_ptr<UsearchBaseline>> baselines;
  for (const std::string& engine : engines) {
    // usearch's copies are those of the engine's default precision.
    const bool f32 = engine == "duckdb";
    std::unique_ptr<UsearchBaseline>& usearch = baselines[f32];
    if (usearch == nullptr) {
      usearch = std::make_unique<UsearchBaseline>(
          set.rows, f32 ? us::scalar_kind_t::f32_k : us::scalar_kind_t::bf16_k,
          folder / (f32 ? "usearch-f32" : "usearch-bf16"));
    }
    Engine(engine, set, folder, table).Run(*usearch, truth);
  }
  table.Print();
  return 0;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  return embeddingsdb::Main(argc, argv);
}
