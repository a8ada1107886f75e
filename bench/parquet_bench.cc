// SPDX-License-Identifier: BSD-3-Clause
//
// Parquet files in, out and merged, beside what DuckDB's COPY takes for the same file in the same
// run: into a table of a DuckDB file, out of it, and two files into one. Both check and both write
// durably; DuckDB neither validates records nor knows which keys there are.
//
//   parquet_bench FILE [folder [engine...]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/parquet.h"
#include "embeddingsdb/registry.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "duckdb_c/handle.h"
#include "engines/builtin_engines.h"
#include "measure.h"
#include "parquet/merge.h"
#include "rpc/database_client.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  // What is still in the page cache is the next one's burden otherwise.
  ::sync();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class DuckDb {
 public:
  explicit DuckDb(int threads)
      : database_(Must(duckdb_c::Database::Open(
            "", {.external_access = true, .lock_configuration = false, .threads = threads}))),
        connection_(Must(database_.Connect())) {}

  double Run(const std::string& sql) {
    return Seconds([&] { Must(connection_.Execute(sql)); });
  }

 private:
  duckdb_c::Database database_;
  duckdb_c::Connection connection_;
};

class Bench {
 public:
  Bench(std::string source, fs::path folder)
      : source_(std::move(source)), folder_(std::move(folder)) {
    rows_ = Must(ParquetReader::Open(source_))->rows();
  }

  void Files();
  void Engine(const std::string& name);

 private:
  std::string File(const std::string& name) const { return (folder_ / name).string(); }
  static std::string Quoted(const std::string& text) { return duckdb_c::QuoteLiteral(text); }
  void Copy(const std::string& to, const ParquetRows& rows) const {
    const auto reader = Must(ParquetReader::Open(source_, rows));
    const auto writer = Must(ParquetWriter::Create(to));
    Record record;
    while (Must(reader->Next(record))) {
      Must(writer->Write(record));
    }
    Must(writer->Finish());
  }
  void Print(const std::string& what, double ours, double theirs) const {
    const auto rows = static_cast<double>(rows_);
    std::printf("  %-16s %8.0f records/s, DuckDB %8.0f, ratio %.2f\n", what.c_str(), rows / ours,
                rows / theirs, theirs / ours);
  }

  std::string source_;
  fs::path folder_;
  std::int64_t rows_ = 0;
};

void Bench::Files() {
  const std::string out = File("out.parquet");
  const std::string a = File("a.parquet");
  const std::string b = File("b.parquet");
  Copy(a, {.last = rows_ / 2 - 1});
  Copy(b, {.first = rows_ / 2});
  for (const int threads : {1, 2}) {
    std::printf("DuckDB with %d threads\n", threads);
    DuckDb duckdb(threads);
    const std::string parquet = Concat(" TO ", Quoted(out), " (FORMAT parquet, COMPRESSION zstd)");
    const double copy =
        duckdb.Run(Concat("COPY (FROM read_parquet(", Quoted(source_), "))", parquet));
    Print("file to file", Seconds([&] { Copy(out, {}); }), copy);
    const double merge =
        duckdb.Run(Concat("COPY (FROM read_parquet([", Quoted(a), ", ", Quoted(b), "]))", parquet));
    const std::vector<std::string> inputs = {a, b};
    Print("merge", Seconds([&] { Must(MergeParquet(inputs, out).status()); }), merge);
  }
}

void Bench::Engine(const std::string& name) {
  const std::string file = File("table.duckdb");
  const std::string out = File("out.parquet");
  fs::remove(file);
  DuckDb duckdb(1);
  const double import =
      duckdb.Run(Concat("ATTACH ", Quoted(file), " AS db; CREATE TABLE db.t AS FROM read_parquet(",
                        Quoted(source_), "); CHECKPOINT db"));
  const double from_table =
      duckdb.Run(Concat("COPY db.t TO ", Quoted(out), " (FORMAT parquet, COMPRESSION zstd)"));

  const std::unique_ptr<Env> env = NewPosixEnv();
  Logger log;
  Registry registry;
  RegisterBuiltinEngines(registry);
  const fs::path place = folder_ / name;
  fs::create_directories(place);
  const std::string uri =
      name == "sqlite"
          ? Concat("sqlite://", (place / "a.db").string())
          : Concat(name, "://", (place / (name == "lmdb" ? "a" : "a.duckdb")).string());
  const auto open = [&] {
    return NewDatabaseClient(
        Must(registry.OpenDatabase(uri, {.env = env.get(), .log = &log, .registry = &registry})));
  };
  std::printf("%s, DuckDB with 1 thread\n", name.c_str());
  auto client = open();
  Print("import", Seconds([&] {
          const auto reader = Must(ParquetReader::Open(source_));
          Must(client->AddRecords(*reader, nullptr).status);
          Must(client->Close());
        }),
        import);
  client = open();
  Print("export", Seconds([&] {
          const auto cursor = Must(client->Scan({}));
          const auto writer = Must(ParquetWriter::Create(out));
          Record record;
          while (Must(cursor->Next(record))) {
            Must(writer->Write(record));
          }
          Must(writer->Finish());
        }),
        from_table);
  Must(client->Close());
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  using embeddingsdb::Bench;
  if (argc < 2) {
    return 2;
  }
  const std::filesystem::path folder =
      std::filesystem::path(argc > 2 ? argv[2] : "/tmp") / "embeddingsdb-parquet-bench";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  Bench bench(argv[1], folder);
  bench.Files();
  std::vector<std::string> engines(argv + std::min(argc, 3), argv + argc);
  if (engines.empty()) {
    engines = {"sqlite", "lmdb", "duckdb"};
  }
  for (const std::string& engine : engines) {
    bench.Engine(engine);
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("largest memory of the whole run: %ld MiB\n", usage.ru_maxrss / 1024);
  std::filesystem::remove_all(folder);
  return 0;
}
