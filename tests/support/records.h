// SPDX-License-Identifier: BSD-3-Clause
//
// Records for tests, and assertions on Status that print what went wrong.
#ifndef EMBEDDINGSDB_TESTS_SUPPORT_RECORDS_H_
#define EMBEDDINGSDB_TESTS_SUPPORT_RECORDS_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/database.h"
#include "embeddingsdb/record.h"

// Evaluate once; print the status when it is not what the test wants.
#define EXPECT_OK(expression)                                      \
  do {                                                             \
    const auto edb_outcome = ::embeddingsdb::StatusOf(expression); \
    EXPECT_TRUE(edb_outcome.ok()) << edb_outcome;                  \
  } while (false)
#define ASSERT_OK(expression)                                      \
  do {                                                             \
    const auto edb_outcome = ::embeddingsdb::StatusOf(expression); \
    ASSERT_TRUE(edb_outcome.ok()) << edb_outcome;                  \
  } while (false)
/// `expression` fails with `code_` and a message that holds `text`.
#define EXPECT_FAILS(expression, code_, text)                                        \
  do {                                                                               \
    const auto edb_outcome = ::embeddingsdb::StatusOf(expression);                   \
    EXPECT_EQ(edb_outcome.code(), ::embeddingsdb::StatusCode::code_) << edb_outcome; \
    EXPECT_NE(edb_outcome.message().find(text), std::string::npos) << edb_outcome;   \
  } while (false)

namespace embeddingsdb {

inline Status StatusOf(const Status& status) {
  return status;
}
template <typename T>
Status StatusOf(const Result<T>& result) {
  return result.status();
}

inline Record MakeRecord(std::string provider, std::string depiction_id, std::string model,
                         std::vector<float> embedding) {
  Record record;
  record.key = {std::move(provider), std::move(depiction_id), std::move(model)};
  record.subject_id = "subject-of-" + record.key.depiction_id;
  record.embedding = std::move(embedding);
  record.created = 1'700'000'000;
  record.attributes = {{"subject_title", record.key.depiction_id}};
  return record;
}

/// A vector of `dimension` normally distributed numbers.
inline std::vector<float> RandomVector(std::mt19937_64& random, int dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(static_cast<std::size_t>(dimension));
  for (float& element : vector) {
    element = normal(random);
  }
  return vector;
}

/// Everything a cursor gives, or its error.
inline Result<std::vector<Record>> Drain(RecordCursor& cursor) {
  std::vector<Record> records;
  Record record;
  while (true) {
    EDB_ASSIGN(const bool more, cursor.Next(record));
    if (!more) {
      return records;
    }
    records.push_back(record);
  }
}

/// All records of a database in key order.
inline Result<std::vector<Record>> ScanAll(Database& database,
                                           const std::vector<Filter>& filters = {}) {
  EDB_ASSIGN(const std::unique_ptr<RecordCursor> cursor, database.Scan(filters));
  EDB_ASSIGN(std::vector<Record> records, Drain(*cursor));
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return a.key < b.key; });
  return records;
}

/// The seed of randomised tests: EDB_SEED when set, else a fixed one. Print it on failure.
inline std::uint64_t TestSeed() {
  const char* text = std::getenv("EDB_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'261'122;
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_SUPPORT_RECORDS_H_
