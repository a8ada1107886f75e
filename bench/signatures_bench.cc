// SPDX-License-Identifier: BSD-3-Clause
//
// Manifests and signatures: records a second on one core, at 512 dimensions. `hash` is what a
// manifest needs of a record in memory, `manifest` all of VerifyManifest with the reading of both
// files, `json` the hash of go-embeddingsdb. Exits with 1 when a manifest is verified at fewer than
// 50,000 records a second.
//
//   signatures_bench [records]
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/parquet.h"
#include "embeddingsdb/signatures.h"

#include "core/env.h"
#include "signatures/manifest.h"
#include "signatures/manifest_row.h"

namespace embeddingsdb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBar = 50'000;
constexpr int kDimensions = 512;
constexpr int kSample = 2'000;

/// Makes any text valid, and takes no time: what is measured is the manifest.
class NoSignature : public Signer, public Verifier {
 public:
  Result<std::string> Sign(std::string_view /*payload*/) const override {
    return std::string("none");
  }
  const std::string& public_key() const override { return key_; }
  Result<std::unique_ptr<Verifier>> NewVerifier() const override {
    return std::unique_ptr<Verifier>(std::make_unique<NoSignature>());
  }
  Result<bool> Verify(std::string_view /*payload*/, std::string_view signature) const override {
    return signature == "none";
  }

 private:
  std::string key_;
};

Record MakeRecord(std::mt19937& random, std::int64_t number) {
  std::normal_distribution<float> normal(0, 0.04F);
  Record record{.key = {"example", "depictions/" + std::to_string(number), "clip"},
                .subject_id = "subjects/" + std::to_string(number / 3),
                .embedding = std::vector<float>(kDimensions),
                .created = 1'700'000'000 + number,
                .attributes = {{"subject_title", "A thing, number " + std::to_string(number)},
                               {"subject_creditline", "Gift of somebody"}}};
  for (float& element : record.embedding) {
    element = normal(random);
  }
  return record;
}

double Report(const char* name, std::int64_t records, Clock::time_point start) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double rate = static_cast<double>(records) / seconds;
  std::printf("%-10s %9.0f records/s\n", name, rate);
  return rate;
}

Status WriteRecords(const std::string& path, std::int64_t records, std::vector<Record>& sample) {
  std::mt19937 random(20'261'122);
  EDB_ASSIGN(const std::unique_ptr<ParquetWriter> writer, ParquetWriter::Create(path));
  for (std::int64_t i = 0; i < records; ++i) {
    const Record record = MakeRecord(random, i);
    EDB_TRY(writer->Write(record));
    if (i < kSample) {
      sample.push_back(record);
    }
  }
  return writer->Finish();
}

Result<double> Measure(const std::string& folder, std::int64_t records) {
  const std::string file = folder + "/records.parquet";
  const std::string manifest = folder + "/manifest.parquet";
  std::vector<Record> sample;
  EDB_TRY(WriteRecords(file, records, sample));

  std::string hash;
  Clock::time_point start = Clock::now();
  for (const Record& record : sample) {
    hash = RecordHash(record);
  }
  Report("json", static_cast<std::int64_t>(sample.size()), start);

  ManifestHasher hasher;
  ManifestRow row;
  Digest leaf;
  start = Clock::now();
  for (int i = 0; i < 50; ++i) {
    for (const Record& record : sample) {
      hasher.Fill(record, row);
      leaf = hasher.Leaf(row);
    }
  }
  Report("hash", static_cast<std::int64_t>(sample.size()) * 50, start);

  const NoSignature key;
  const std::unique_ptr<Env> env = NewPosixEnv();
  start = Clock::now();
  EDB_ASSIGN(std::unique_ptr<AtomicFile> output, env->CreateAtomic(manifest));
  EDB_ASSIGN(const Manifest written, WriteManifest(file, std::move(output), key));
  Report("sign", written.rows, start);

  start = Clock::now();
  EDB_ASSIGN(const ManifestReport report, VerifyManifest(file, manifest, key));
  if (!report.all_valid() || report.count != records) {
    return InternalError("an unchanged file is not valid");
  }
  return Report("manifest", records, start);
}

int Run(std::int64_t records) {
  std::string folder = (std::filesystem::temp_directory_path() / "edb-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    return 1;
  }
  const Result<double> rate = Measure(folder, records);
  std::filesystem::remove_all(folder);
  if (!rate.ok()) {
    std::printf("%s\n", rate.status().ToString().c_str());
    return 1;
  }
  return *rate >= kBar ? 0 : 1;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  return embeddingsdb::Run(argc > 1 ? std::strtoll(argv[1], nullptr, 10) : 100'000);
}
