// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the LMDB store share.
#ifndef EMBEDDINGSDB_TESTS_UNIT_LMDB_FIXTURE_H_
#define EMBEDDINGSDB_TESTS_UNIT_LMDB_FIXTURE_H_

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "engines/lmdb/lmdb_store.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {

constexpr std::int64_t kLmdbNow = 1'760'000'000;

class LmdbStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<LmdbStore>> Open(LmdbStoreOptions options = {}) {
    if (options.folder.empty()) {
      options.folder = folder_;
    }
    return LmdbStore::Open(options, *env_);
  }
  /// Opens the folder for writing, or fails the test.
  std::unique_ptr<LmdbStore> Store(const LmdbStoreOptions& options = {}) {
    Result<std::unique_ptr<LmdbStore>> store = Open(options);
    EXPECT_OK(store);
    return store.ok() ? *std::move(store) : nullptr;
  }

  TempDir dir_;
  std::string folder_ = dir_.File("collection");
  std::string data_file_ = folder_ + "/data.mdb";
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

inline Result<std::vector<PutResult>> PutAll(RecordStore& store, const std::vector<Record>& records,
                                             std::int64_t now = kLmdbNow) {
  std::vector<const Record*> pointers;
  pointers.reserve(records.size());
  for (const Record& record : records) {
    pointers.push_back(&record);
  }
  return store.Put(pointers, now);
}

inline Result<RowId> PutOne(RecordStore& store, const Record& record) {
  EDB_ASSIGN(const std::vector<PutResult> results, PutAll(store, {record}));
  return results.at(0).row;
}

/// `count` records of one model, from depiction d<first> on.
inline std::vector<Record> MakeRecords(int first, int count, std::size_t dimension) {
  std::vector<Record> records;
  for (int i = first; i < first + count; ++i) {
    records.push_back(MakeRecord("p", "d" + std::to_string(i), "m",
                                 std::vector<float>(dimension, static_cast<float>(i))));
  }
  return records;
}

inline std::vector<std::string> ProblemsOf(RecordStore& store) {
  std::vector<std::string> problems;
  EXPECT_OK(store.CheckFiles(problems));
  return problems;
}

inline std::vector<Record> ScanOf(RecordStore& store, const std::vector<Filter>& filters = {}) {
  Result<std::unique_ptr<RecordCursor>> cursor = store.Scan(filters);
  EXPECT_OK(cursor);
  if (!cursor.ok()) {
    return {};
  }
  Result<std::vector<Record>> records = Drain(**cursor);
  EXPECT_OK(records);
  return records.ok() ? *std::move(records) : std::vector<Record>();
}

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteWhole(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_UNIT_LMDB_FIXTURE_H_
