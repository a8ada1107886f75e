// SPDX-License-Identifier: BSD-3-Clause
//
// Searching by words: what cutting costs, and the word index of sqlite:// against reading all
// records, in the same run. The records are those of the demo, repeated, each time with some other
// words in the title.
//
//   words_bench [rows [folder]]
//
// The folder (default: a new one in TMPDIR, removed at the end) keeps words_bench.db.
#include <algorithm>
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

#include "core/env.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "core/words.h"
#include "engines/sqlite/sqlite_store.h"
#include "measure.h"

namespace embeddingsdb {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatch = 1'000;
constexpr int kTurns = 5;

std::vector<Record> ReadDemo() {
  const std::unique_ptr<ParquetReader> reader = Must(ParquetReader::Open(EDB_DEMO_PARQUET));
  std::vector<Record> records;
  Record record;
  while (Must(reader->Next(record))) {
    records.push_back(record);
  }
  return records;
}

/// Record `number` of the database.
Record Vary(const std::vector<Record>& demo, std::size_t number, std::mt19937& random) {
  Record record = demo[number % demo.size()];
  record.key.depiction_id += Concat("/", number);
  std::string& title = record.attributes["subject_title"];
  for (int i = 0; i < 2; ++i) {
    const Record& other = demo[random() % demo.size()];
    if (const auto found = other.attributes.find("subject_title");
        found != other.attributes.end()) {
      title += Concat(" ", found->second);
    }
  }
  title += Concat(" no. ", number);
  return record;
}

void Import(SqliteStore& store, const std::vector<Record>& demo, std::size_t rows) {
  std::mt19937 random(7);
  std::size_t bytes = 0;
  std::size_t words = 0;
  double cutting = 0;
  const Clock::time_point start = Clock::now();
  for (std::size_t first = 0; first < rows; first += kBatch) {
    std::vector<Record> records;
    std::vector<const Record*> pointers;
    for (std::size_t i = first; i < std::min(rows, first + kBatch); ++i) {
      records.push_back(Vary(demo, i, random));
    }
    const Clock::time_point cut = Clock::now();
    for (const Record& record : records) {
      pointers.push_back(&record);
      ForEachWord(record.attributes, [&words](std::string_view) { ++words; });
    }
    cutting += SecondsSince(cut);
    for (const Record& record : records) {
      for (const auto& [name, value] : record.attributes) {
        bytes += HasWords(value) ? value.size() : 0;
      }
    }
    Must(store.Put(pointers, 1'760'000'000).status());
  }
  std::printf("import of %zu records: %.1f s\n", rows, SecondsSince(start));
  std::printf("cutting %.1f MB into %zu words: %.2f s, %.0f MB/s\n",
              static_cast<double>(bytes) / 1e6, words, cutting,
              static_cast<double>(bytes) / 1e6 / cutting);
}

/// Seconds that a search takes, and how many records it finds.
double Search(SqliteStore& store, std::string_view words, bool by_index, std::size_t& found) {
  const std::vector<Filter> filters = {{.column = Column::kWords, .value = std::string(words)}};
  const RecordMatcher matcher(filters);
  found = 0;
  const Clock::time_point start = Clock::now();
  Must(store.VisitFields(by_index ? filters : std::vector<Filter>(),
                         [&](RowId, const Record& record) -> Status {
                           found += matcher.Matches(record) ? 1U : 0U;
                           return {};
                         }));
  return SecondsSince(start);
}

void Compare(SqliteStore& store, std::string_view words) {
  double indexed = 1e9;
  double all = 1e9;
  std::size_t found = 0;
  std::size_t found_by_all = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    indexed = std::min(indexed, Search(store, words, true, found));
    all = std::min(all, Search(store, words, false, found_by_all));
  }
  if (found != found_by_all) {
    Must(InternalError(Concat(found, " and ", found_by_all, " found for ", words)));
  }
  std::printf("  %-28s %8zu found %10.2f ms, all records %8.0f ms: %.0f times\n",
              std::string(words).c_str(), found, indexed * 1e3, all * 1e3, all / indexed);
}

void Run(std::size_t rows, const fs::path& folder) {
  const std::string path = (folder / "words_bench.db").string();
  const std::unique_ptr<Env> env = NewPosixEnv();
  const auto store = Must(SqliteStore::Open({.path = path}, *env));
  Import(*store, ReadDemo(), rows);
  Must(store->Close());

  const auto opened = Must(SqliteStore::Open({.path = path}, *env));
  const auto before = static_cast<double>(fs::file_size(path));
  std::size_t found = 0;
  const double all = Search(*opened, "cat", false, found);
  const double first = Search(*opened, "cat", true, found);
  Must(opened->Close());
  const auto after = static_cast<double>(fs::file_size(path));
  std::printf(
      "first search %.2f s (all records: %.2f s); the file grew from %.1f to %.1f MB: %.1f %%\n",
      first, all, before / 1e6, after / 1e6, 100 * (after - before) / before);

  const auto again = Must(SqliteStore::Open({.path = path}, *env));
  for (const char* const words :
       {"nosuchword", "4321", "cat", "cat dog", "ca* do* 12*", "openclipart", "a*"}) {
    Compare(*again, words);
  }
}

}  // namespace
}  // namespace embeddingsdb

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  std::filesystem::path folder = argc > 2 ? argv[2] : "";
  if (folder.empty()) {
    std::string name = (std::filesystem::temp_directory_path() / "words_bench.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return 1;
    }
    folder = name;
  }
  embeddingsdb::Run(rows, folder);
  if (argc <= 2) {
    std::filesystem::remove_all(folder);
  }
  return 0;
}
