// SPDX-License-Identifier: BSD-3-Clause
//
// Files as go-embeddingsdb writes them: its DDL, its statements and its pragmas, through
// sqlite-vec.
#ifndef EMBEDDINGSDB_TESTS_UNIT_SQLITE_GO_FIXTURE_H_
#define EMBEDDINGSDB_TESTS_UNIT_SQLITE_GO_FIXTURE_H_

#include <gtest/gtest.h>
#include <span>
#include <sqlite3.h>
#include <string>
#include <vector>

#include "embeddingsdb/record.h"

#include "core/json.h"
#include "core/text.h"
#include "engines/sqlite/sqlite_vec.h"
#include "support/records.h"

namespace embeddingsdb {

/// A database of go-embeddingsdb being written. Fails the test when SQLite reports an error.
class GoFile {
 public:
  /// `compression` as in go-embeddingsdb's URIs: none, quantize, matroyshka.
  GoFile(const std::string& path, const std::string& compression, int dimensions)
      : compression_(compression) {
    EXPECT_OK(UseSqliteVec());
    EXPECT_EQ(sqlite3_open(path.c_str(), &connection_), SQLITE_OK);
    Run("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=4096;"
        "PRAGMA cache_size=1000000");
    const char* type = compression == "quantize" ? "bit" : "float";
    Run(Concat("CREATE VIRTUAL TABLE vec USING vec0(embedding ", type, "[", dimensions, "])"));
    Run("CREATE TABLE records (id INTEGER PRIMARY KEY, provider TEXT, depiction_id TEXT,"
        " subject_id TEXT, model TEXT, attributes TEXT, created INTEGER, lastmodified INTEGER)");
    Run("CREATE UNIQUE INDEX id_model ON records (provider, depiction_id, model);"
        "CREATE INDEX by_model ON records (model, provider, created);"
        "CREATE INDEX by_lastmod ON records (lastmodified)");
  }
  GoFile(const GoFile&) = delete;
  GoFile& operator=(const GoFile&) = delete;
  ~GoFile() { sqlite3_close_v2(connection_); }

  void Run(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection_) << " in " << sql;
  }

  /// As AddRecord: the vector first, then the record. Ids are as large as Snowflake's.
  void Add(const Record& record, std::int64_t modified) {
    const std::int64_t id = kFirstId + rows_++;
    std::string vector = "?";
    if (compression_ == "quantize") {
      vector = "vec_quantize_binary(?)";
    } else if (compression_ == "matroyshka") {
      vector = "vec_normalize(vec_slice(?, 0, 512))";
    }
    sqlite3_stmt* statement =
        Prepare("INSERT OR REPLACE INTO vec(rowid, embedding) VALUES(?, " + vector + ")");
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_blob64(statement, 2, record.embedding.data(),
                        record.embedding.size() * sizeof(float), nullptr);
    Finish(statement);
    statement = Prepare(
        "INSERT OR REPLACE INTO records(id, provider, depiction_id, subject_id, model, attributes,"
        " created, lastmodified) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
    const std::string attributes =
        record.attributes.empty() ? "null" : AttributesToJson(record.attributes);
    sqlite3_bind_int64(statement, 1, id);
    int parameter = 2;
    for (const std::string* text : {&record.key.provider, &record.key.depiction_id,
                                    &record.subject_id, &record.key.model, &attributes}) {
      sqlite3_bind_text(statement, parameter++, text->data(), static_cast<int>(text->size()),
                        nullptr);
    }
    sqlite3_bind_int64(statement, 7, record.created);
    sqlite3_bind_int64(statement, 8, modified);
    Finish(statement);
  }

  static constexpr std::int64_t kFirstId = 1'900'000'000'000'000'000;

 private:
  sqlite3_stmt* Prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(connection_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection_);
    return statement;
  }
  void Finish(sqlite3_stmt* statement) {
    EXPECT_EQ(sqlite3_step(statement), SQLITE_DONE) << sqlite3_errmsg(connection_);
    sqlite3_finalize(statement);
  }

  const std::string compression_;
  sqlite3* connection_ = nullptr;
  std::int64_t rows_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_TESTS_UNIT_SQLITE_GO_FIXTURE_H_
