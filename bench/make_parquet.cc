// SPDX-License-Identifier: BSD-3-Clause
//
// Writes a Parquet file of made-up records for the end-to-end benchmark: unit vectors around 5,000
// centres, 20 providers, attributes of the size OEmbeddings have without a picture.
//
//   make_parquet OUTPUT [rows [dimension]]
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "embeddingsdb/parquet.h"

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kCentres = 5'000;

void Normalise(std::vector<float>& vector) {
  float squares = 0;
  for (const float element : vector) {
    squares += element * element;
  }
  const float scale = 1 / std::sqrt(squares);
  for (float& element : vector) {
    element *= scale;
  }
}

Record MakeRecord(std::int64_t row, const std::vector<float>& centre, std::mt19937& random) {
  std::normal_distribution<float> noise(0, 0.02F);
  const std::string id = std::to_string(row);
  Record record;
  record.key = {Concat("provider-", row % 20), id, "bench/512"};
  record.subject_id = Concat("subject-", row / 2);
  record.created = 1'760'000'000 + row;
  record.embedding = centre;
  for (float& element : record.embedding) {
    element += noise(random);
  }
  Normalise(record.embedding);
  record.attributes = {{"type", "image"},
                       {"preview", Concat("https://example.org/previews/", id, "_n.jpg")},
                       {"subject_url", Concat("https://example.org/objects/", row / 2)},
                       {"subject_title", Concat("A made-up object, number ", row / 2)},
                       {"subject_creditline", "Gift of nobody in particular"},
                       {"provider_name", "Example"},
                       {"provider_url", "https://example.org/"}};
  return record;
}

Status Write(const std::string& path, std::int64_t rows, std::size_t dimension) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(kCentres, std::vector<float>(dimension));
  for (std::vector<float>& centre : centres) {
    for (float& element : centre) {
      element = normal(random);
    }
    Normalise(centre);
  }
  EDB_ASSIGN(const std::unique_ptr<ParquetWriter> writer, ParquetWriter::Create(path));
  for (std::int64_t row = 0; row < rows; ++row) {
    EDB_TRY(writer->Write(MakeRecord(row, centres[random() % kCentres], random)));
  }
  return writer->Finish();
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  if (argc < 2) {
    return 2;
  }
  const std::int64_t rows = argc > 2 ? std::strtoll(argv[2], nullptr, 10) : 235'200;
  const std::size_t dimension = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 512;
  const embeddingsdb::Status status = embeddingsdb::Write(argv[1], rows, dimension);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
  }
  return status.ok() ? 0 : 1;
}
