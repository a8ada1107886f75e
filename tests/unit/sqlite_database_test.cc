// SPDX-License-Identifier: BSD-3-Clause
//
// sqlite:// URIs. What the database does behind them is the conformance suite's business.
#include <filesystem>
#include <gtest/gtest.h>

#include "core/env.h"
#include "core/log.h"
#include "engines/builtin_engines.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Database>> Open(const std::string& text) {
    EDB_ASSIGN(const Uri uri, Uri::Parse(text));
    return OpenSqliteDatabase(uri, {.env = env_.get(), .log = &log_, .registry = nullptr});
  }
  bool Exists(std::string_view name) const { return std::filesystem::exists(dir_.File(name)); }

  TempDir dir_;
  std::unique_ptr<Env> env_ = NewPosixEnv();
  Logger log_;
};

TEST_F(SqliteDatabaseTest, OpensTheFileThatTheUriNames) {
  EXPECT_OK(Open("sqlite://?dsn=" + dir_.File("plain.db")));
  EXPECT_OK(Open("sqlite://?dsn=file:" + dir_.File("file.db")));
  EXPECT_OK(Open("sqlite://?dsn=file://" + dir_.File("slashes.db")));
  EXPECT_OK(Open("sqlite://" + dir_.File("path.db") + "?max-conns=2&compression=none"));
  EXPECT_OK(Open("sqlite://" + dir_.File("odd%3Fname'.db")));
  for (const char* name : {"plain.db", "file.db", "slashes.db", "path.db", "odd?name'.db"}) {
    EXPECT_TRUE(Exists(name)) << name;
  }
}

TEST_F(SqliteDatabaseTest, RefusesUnknownIndexesAndPrecisionsNamingTheKnown) {
  const std::string uri = "sqlite://" + dir_.File("any.db");
  EXPECT_FAILS(Open(uri + "?index=tree"), kInvalidArgument, "auto, exact, hnsw");
  EXPECT_FAILS(Open(uri + "?precision=f8"), kInvalidArgument, "bf16, f32, f16, i8");
  for (const char* precision : {"bf16", "f32", "f16", "i8"}) {
    EXPECT_OK(Open(uri + "?index=hnsw&precision=" + precision));
  }
}

TEST_F(SqliteDatabaseTest, RefusesAUriThatNamesNoFileOrTwo) {
  EXPECT_FAILS(Open("sqlite://"), kInvalidArgument, "dsn");
  EXPECT_FAILS(Open("sqlite://?dsn="), kInvalidArgument, "dsn");
  EXPECT_FAILS(Open("sqlite:///a.db?dsn=b.db"), kInvalidArgument, "two files");
  EXPECT_FAILS(Open("sqlite://?dsn=file://host/a.db"), kInvalidArgument, "\"host\"");
  EXPECT_FAILS(Open("sqlite://?dsn=file:a%2520b.db"), kInvalidArgument, "percent");
  EXPECT_FAILS(Open("sqlite://?dsn=:memory:&read-only=true"), kInvalidArgument, "read-only");
}

TEST_F(SqliteDatabaseTest, RefusesParametersOfTheDsnByName) {
  const std::string path = dir_.File("x.db");
  EXPECT_FAILS(Open("sqlite://?dsn=file:" + path + "%3Fmode%3Dmemory%26cache%3Dshared"),
               kInvalidArgument, "\"mode\"");
  EXPECT_FAILS(Open("sqlite://?dsn=" + path + "%3F_journal%3DOFF"), kInvalidArgument,
               "\"_journal\"");
  EXPECT_FALSE(Exists("x.db"));
}

TEST_F(SqliteDatabaseTest, RefusesUnknownCompressionsNamingTheKnown) {
  const std::string uri = "sqlite://" + dir_.File("x.db") + "?compression=";
  EXPECT_FAILS(Open(uri + "zip"), kInvalidArgument, "Invalid or unsupported compression \"zip\"");
  EXPECT_FAILS(Open(uri), kInvalidArgument, "none, quantize and matroyshka");
  EXPECT_FAILS(Open("sqlite://" + dir_.File("x.db") + "?compresion=none"), kInvalidArgument,
               "compression");
  EXPECT_FALSE(Exists("x.db"));
}

TEST_F(SqliteDatabaseTest, OneFileHasOneWriterByWhateverName) {
  std::filesystem::create_symlink(dir_.path(), dir_.File("link"));
  const auto database = Open("sqlite://" + dir_.File("x.db"));
  ASSERT_OK(database);
  EXPECT_FAILS(Open("sqlite://" + dir_.File("link/x.db")), kFailedPrecondition, "x.db-lock");
  EXPECT_FAILS(Open("sqlite://" + dir_.File("./x.db")), kFailedPrecondition, "x.db-lock");
}

TEST_F(SqliteDatabaseTest, AReadOnlyHandleFindsWhatAnotherHasJustWritten) {
  const std::string uri = "sqlite://" + dir_.File("x.db");
  const auto writer = Open(uri).value();
  const auto reader = Open(uri + "?read-only=true").value();
  const SimilarQuery query{.model = "m", .embedding = {1, 0}};
  EXPECT_TRUE(reader->Similar(query).value().empty());
  ASSERT_OK(writer->Add(MakeRecord("p", "d", "m", {1, 0})));
  EXPECT_EQ(reader->Similar(query).value().size(), 1U);
  ASSERT_OK(writer->Remove({"p", "d", "m"}));
  EXPECT_TRUE(reader->Similar(query).value().empty());
}

TEST_F(SqliteDatabaseTest, AMemoryDatabaseIsNobodyElses) {
  const auto first = Open("sqlite://?dsn=:memory:").value();
  const auto second = Open("sqlite://?dsn=:memory:").value();
  ASSERT_OK(first->Add(MakeRecord("p", "d", "m", {1})));
  EXPECT_EQ(first->Count({}).value(), 1);
  EXPECT_EQ(second->Count({}).value(), 0);
}

TEST_F(SqliteDatabaseTest, BufferedRecordsAreThereAfterFlushAndClose) {
  const std::string uri = "sqlite://" + dir_.File("x.db") + "?durability=buffered";
  auto database = Open(uri).value();
  ASSERT_OK(database->Add(MakeRecord("p", "d", "m", {1})));
  EXPECT_OK(database->Flush());
  EXPECT_OK(database->Close());
  EXPECT_EQ(Open(uri).value()->Count({}).value(), 1);
}

TEST_F(SqliteDatabaseTest, ExportIsNotACapability) {
  const auto database = Open("sqlite://" + dir_.File("x.db")).value();
  EXPECT_FALSE(database->capabilities().exports);
  EXPECT_FAILS(database->Export(dir_.File("out")), kUnimplemented, "export");
}

}  // namespace
}  // namespace embeddingsdb
