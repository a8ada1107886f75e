// SPDX-License-Identifier: BSD-3-Clause
//
// Writes small Parquet files, as we, DuckDB and others write them, and their footers: where the
// fuzzers of Parquet begin.
//   make_seeds FOLDER    makes FOLDER/parquet_file and FOLDER/parquet_footer
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include "embeddingsdb/parquet.h"

#include "core/text.h"
#include "duckdb_c/handle.h"
#include "parquet/parquet_file.h"

namespace embeddingsdb {
namespace {

struct Seed {
  std::string_view name;
  std::string_view columns;  ///< a select list over i
  int rows;
  std::string_view options;  ///< of DuckDB's COPY
};

constexpr std::string_view kAll =
    "'p' || i % 2 AS provider, 'd' || i AS depiction_id, 's' AS subject_id, 'm' AS model, "
    "[i, -1.5]::FLOAT[] AS embeddings, i AS created, MAP {'k': 'v' || i} AS attributes";
constexpr std::string_view kLeast =
    "'p' AS provider, 'd' || i AS depiction_id, 'm' AS model, [1, i]::DOUBLE[] AS embeddings";
constexpr std::string_view kOdd =
    "'p' AS provider, 'd' || i AS depiction_id, 'm' AS model, [i]::FLOAT[] AS embeddings, "
    "i::UTINYINT AS created, '{\"k\":\"v\"}' AS attributes, NULL::VARCHAR AS subject_id, "
    "{'a': [i], 'b': 1.5::DECIMAL(9, 2)} AS other, TIMESTAMP '2026-01-01' AS time";

constexpr auto kSeeds = std::to_array<Seed>({
    {"plain", kAll, 3, "COMPRESSION uncompressed"},
    {"snappy", kAll, 3, "COMPRESSION snappy"},
    {"gzip", kAll, 2, "COMPRESSION gzip"},
    {"zstd", kAll, 2, "COMPRESSION zstd"},
    {"lz4", kAll, 2, "COMPRESSION lz4_raw"},
    {"version2", kAll, 5, "COMPRESSION uncompressed, PARQUET_VERSION V2"},
    {"dictionary", kAll, 40, "COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 100"},
    {"groups", kLeast, 2049, "COMPRESSION zstd, ROW_GROUP_SIZE 2048"},
    {"least", kLeast, 2, "COMPRESSION uncompressed"},
    {"odd", kOdd, 2, "COMPRESSION uncompressed"},
    {"empty", kAll, 0, "COMPRESSION uncompressed"},
});

Status WriteOurs(const std::string& path) {
  ParquetWriteOptions options;
  options.metadata = {{"title", "a seed"}};
  options.facts = {.licence = "CC0-1.0",
                   .models = {{"m", {.digest = "sha256:0123456789abcdef", .metric = "cosine"}}}};
  EDB_ASSIGN(const auto writer, ParquetWriter::Create(path, std::move(options)));
  for (const char* id : {"1", "2"}) {
    EDB_TRY(writer->Write({.key = {"p", id, "m"},
                           .subject_id = "s",
                           .embedding = {0.6F, 0.8F},
                           .created = 1'700'000'000,
                           .attributes = {{"subject_title", "a"}, {"type", "text"}}}));
  }
  return writer->Finish();
}

Status WriteFooter(const std::string& from, const std::string& to) {
  EDB_ASSIGN(const ParquetFile file, ParquetFile::Open(from));
  EDB_ASSIGN(const std::string footer, file.ReadFooter());
  std::ofstream out(to, std::ios::binary);
  return out << footer << std::flush ? Status() : InternalError("cannot write " + to);
}

Status WriteAll(const std::string& folder) {
  const std::string files = folder + "/parquet_file/";
  const std::string footers = folder + "/parquet_footer/";
  for (const std::string& path : {files, footers}) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
      return InternalError(Concat("make ", path, ": ", error.message()));
    }
  }
  EDB_TRY(WriteOurs(files + "ours"));
  EDB_TRY(WriteFooter(files + "ours", footers + "ours"));
  EDB_ASSIGN(const auto database, duckdb_c::Database::Open("", {.external_access = true}));
  EDB_ASSIGN(const auto connection, database.Connect());
  for (const Seed& seed : kSeeds) {
    const std::string path = Concat(files, seed.name);
    EDB_TRY(connection.Execute(Concat("COPY (SELECT ", seed.columns, " FROM range(", seed.rows,
                                      ") t(i)) TO ", duckdb_c::QuoteLiteral(path),
                                      " (FORMAT parquet, ", seed.options, ")")));
    EDB_TRY(WriteFooter(path, Concat(footers, seed.name)));
  }
  return {};
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_seeds FOLDER\n";
    return 2;
  }
  const embeddingsdb::Status status = embeddingsdb::WriteAll(argv[1]);
  if (!status.ok()) {
    std::cerr << status << '\n';
    return 1;
  }
  return 0;
}
