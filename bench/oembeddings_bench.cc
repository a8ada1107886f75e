// SPDX-License-Identifier: BSD-3-Clause
//
// Checking OEmbeddings: documents a second, as JSON text and as attributes of records. They are
// those of the demo, whose previews are thumbnails in data: URIs. Exits with 1 when it is fewer
// than 10,000 a second.
//
//   oembeddings_bench [seconds]
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/oembeddings.h"
#include "embeddingsdb/parquet.h"

#include "core/json.h"

namespace embeddingsdb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBar = 10'000;

std::vector<Attributes> ReadDemo() {
  std::vector<Attributes> all;
  const auto reader = ParquetReader::Open(EDB_DEMO_PARQUET);
  Record record;
  while (reader.ok()) {
    const Result<bool> more = (*reader)->Next(record);
    if (!more.ok() || !*more) {
      break;
    }
    all.push_back(record.attributes);
  }
  return all;
}

/// Checks all documents again and again; the documents a second.
template <typename Document>
double Measure(const char* name, const std::vector<Document>& documents, double seconds) {
  const Clock::time_point start = Clock::now();
  double spent = 0;
  double checked = 0;
  while (spent < seconds) {
    for (const Document& document : documents) {
      if (!ValidateOEmbeddings(document, {.uri_format = UriFormat::kError}).valid()) {
        std::printf("a document of the demo is not valid\n");
        return 0;
      }
    }
    checked += static_cast<double>(documents.size());
    spent = std::chrono::duration<double>(Clock::now() - start).count();
  }
  std::printf("%-10s %8.0f documents/s\n", name, checked / spent);
  return checked / spent;
}

int Run(double seconds) {
  const std::vector<Attributes> attributes = ReadDemo();
  if (attributes.empty()) {
    std::printf("cannot read " EDB_DEMO_PARQUET "\n");
    return 1;
  }
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (const Attributes& one : attributes) {
    texts.push_back(AttributesToJson(one));
    bytes += texts.back().size();
  }
  std::printf("%zu documents of %zu bytes on average\n", texts.size(), bytes / texts.size());
  const double as_json = Measure("JSON", texts, seconds);
  const double as_attributes = Measure("attributes", attributes, seconds);
  return as_json >= kBar && as_attributes >= kBar ? 0 : 1;
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  return embeddingsdb::Run(argc > 1 ? std::strtod(argv[1], nullptr) : 1.0);
}
