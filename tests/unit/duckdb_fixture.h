// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the DuckDB engine share: a store in a fresh directory, and records to put in
// it.
#ifndef EMBEDDINGSDB_TESTS_UNIT_DUCKDB_FIXTURE_H_
#define EMBEDDINGSDB_TESTS_UNIT_DUCKDB_FIXTURE_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "engines/duckdb/duckdb_store.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {

class DuckdbFixture : public ::testing::Test {
 protected:
  Result<std::unique_ptr<DuckdbStore>> Open(const std::string& path, bool read_only = false) {
    EDB_ASSIGN(std::unique_ptr<FileLock> lock, env_->Lock(path + "-lock"));
    return DuckdbStore::Open(
        {.file = {.path = path, .read_only = read_only, .lock = std::move(lock)},
         .env = env_.get()});
  }
  std::unique_ptr<DuckdbStore> OpenOrDie() {
    auto store = Open(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  static Result<std::vector<PutResult>> Put(DuckdbStore& store, const std::vector<Record>& records,
                                            std::int64_t now = 1'000) {
    std::vector<const Record*> pointers;
    for (const Record& record : records) {
      pointers.push_back(&record);
    }
    return store.Put(pointers, now);
  }
  static std::vector<Record> All(DuckdbStore& store) {
    auto cursor = store.Scan({});
    EXPECT_TRUE(cursor.ok()) << cursor.status();
    auto records = Drain(**cursor);
    EXPECT_TRUE(records.ok()) << records.status();
    return *std::move(records);
  }
  std::vector<std::string> Names(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static void WriteFile(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  static std::string ReadFile(const std::string& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
  }

  TempDir dir_;
  std::string path_ = dir_.File("edb.duckdb");
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

inline std::vector<Record> ManyRecords(int count, float first = 0) {
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    records.push_back(
        MakeRecord("p", "d" + std::to_string(i), "m", {first, static_cast<float>(i)}));
  }
  return records;
}

inline std::vector<Record> NastyRecords() {
  std::vector<Record> records = {
      MakeRecord("quo\"te", "a,b", "m", {0.1F, -0.0F, 1e-7F}),
      MakeRecord("it's", "[1, 2]", "m", {1e21F, 1e-45F, std::numeric_limits<float>::max()}),
      MakeRecord("\xE6\x97\xA5\xE6\x9C\xAC", "NULL", "m", {1, 2, 3}),
      MakeRecord(" space ", "''", "m", {-1, 0, 1}),
  };
  records[0].subject_id = "";
  records[0].created = -5;
  records[0].attributes = {};
  records[1].attributes = {{"line\xC2\xA0key", "one\ntwo\r\nthree\t\"four\", 'five'"},
                           {"empty", ""}};
  records[2].created = std::numeric_limits<std::int64_t>::min();
  records[2].attributes = {{"<&>", "\\ \xF0\x9F\x8E\xA8 {\"json\": [1]}"}};
  return records;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_UNIT_DUCKDB_FIXTURE_H_
