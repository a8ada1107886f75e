// SPDX-License-Identifier: BSD-3-Clause
//
// go-embeddingsdb's export directory: written, read, and opened by URI.
#include "engines/duckdb/duckdb_export.h"

#include "embeddingsdb/uri.h"

#include "duckdb_c/handle.h"
#include "engines/builtin_engines.h"
#include "engines/duckdb/duckdb_import.h"
#include "support/test_context.h"
#include "unit/duckdb_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using DuckdbExportTest = DuckdbFixture;

TEST_F(DuckdbExportTest, ExportAndImportGiveBackNastyValues) {
  const std::string target = dir_.File("export's \"dir\" [1]");
  {
    auto store = OpenOrDie();
    ASSERT_OK(Put(*store, NastyRecords(), 4'242));
    ASSERT_OK(store->Export(target));
  }
  EXPECT_THAT(Names(target), ElementsAre("embeddings.csv", "load.sql", "schema.sql"));
  const std::string imported = dir_.File("imported.duckdb");
  auto count = ImportDuckdbExport(target, imported, *env_);
  ASSERT_OK(count);
  EXPECT_EQ(*count, 4);
  auto store = Open(imported);
  ASSERT_OK(store);
  EXPECT_EQ(All(**store), NastyRecords());
  EXPECT_EQ(*(*store)->LastUpdate(), 4'242);
}

// go-embeddingsdb runs IMPORT DATABASE, which is these statements; the HNSW index needs an
// extension.
TEST_F(DuckdbExportTest, APlainDuckdbRunsTheExport) {
  const std::string target = dir_.File("export's");
  auto store = OpenOrDie();
  ASSERT_OK(Put(*store, NastyRecords(), 4'242));
  ASSERT_OK(store->Export(target));

  auto database = duckdb_c::Database::Open("", {.external_access = true});
  ASSERT_OK(database);
  auto connection = database->Connect();
  ASSERT_OK(connection);
  std::string schema = ReadFile(target + "/schema.sql");
  const std::string hnsw = "CREATE INDEX idx ON embeddings USING HNSW (vec);\n";
  ASSERT_NE(schema.find(hnsw), std::string::npos);
  schema.erase(schema.find(hnsw), hnsw.size());
  ASSERT_OK(connection->Execute(schema));
  ASSERT_OK(connection->Execute(ReadFile(target + "/load.sql")));
  auto same = connection->Query(
      "SELECT count(*) FROM embeddings WHERE lastmodified = 4242 AND len(vec) = 3 AND "
      "(attributes::JSON ->> 'empty' = '' OR subject_id = '' OR created = 1700000000 OR "
      "created < -5)");
  ASSERT_OK(same);
  ASSERT_TRUE(*same->Next());
  EXPECT_EQ(same->chunk().column(0).Values<std::int64_t>()[0], 4);
}

TEST_F(DuckdbExportTest, ExportReplacesAnExportAndNothingElse) {
  const std::string target = dir_.File("export");
  auto store = OpenOrDie();
  ASSERT_OK(Put(*store, ManyRecords(2)));
  ASSERT_OK(store->Export(target));
  ASSERT_OK(Put(*store, ManyRecords(3)));
  ASSERT_OK(store->Export(target + "/"));
  EXPECT_THAT(ReadFile(target + "/embeddings.csv"), HasSubstr("\"d2\""));
  EXPECT_THAT(Names(dir_.path()),
              ElementsAre("edb.duckdb", "edb.duckdb-lock", "edb.duckdb.wal", "export"));

  WriteFile(target + "/notes.txt", "mine");
  EXPECT_FAILS(store->Export(target), kFailedPrecondition, "notes.txt");
  EXPECT_FAILS(store->Export(path_), kFailedPrecondition, "is a file");
  EXPECT_EQ(ReadFile(target + "/notes.txt"), "mine");
}

TEST_F(DuckdbExportTest, ExportOfSeveralDimensionsNamesThemAndLeavesNothing) {
  auto store = OpenOrDie();
  ASSERT_OK(
      Put(*store, {MakeRecord("p", "a", "m2", {1, 2}), MakeRecord("p", "a", "m3", {1, 2, 3})}));
  EXPECT_FAILS(store->Export(dir_.File("export")), kFailedPrecondition, "(2, 3)");
  EXPECT_THAT(Names(dir_.path()), ElementsAre("edb.duckdb", "edb.duckdb-lock", "edb.duckdb.wal"));
}

TEST_F(DuckdbExportTest, ABadRowStopsTheImportAndLeavesNothing) {
  const std::string head =
      "provider,depiction_id,subject_id,model,attributes,vec,created,lastmodified\n"
      "p,a,,m,null,\"[1.0, 2.0]\",0,1\n";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"p,b,,m,{},\"[1.0, nan]\",0,1\n", "record 2"},
      {"p,b,,m,{},\"[1.0, 2.0\",0,1\n", "is no vector"},
      {"p,b,,m,{},,0,1\n", "is no vector"},
      {"p,b,,m,{},\"[1.0]\",0,1\n", "have 1 elements"},
      {"p,b,,m,[1],\"[1.0, 2.0]\",0,1\n", "record 2"},
      {"p,b,,m,{},\"[1.0, 2.0]\",soon,1\n", "created \"soon\" is no integer"},
      {",b,,m,{},\"[1.0, 2.0]\",0,1\n", "provider"},
      {"p,a,,m,{},\"[1.0, 2.0]\",0,1\n", "comes twice"},
      {"p,b,,m\n", "import"},
  };
  for (const auto& [row, message] : bad) {
    WriteFile(dir_.File("embeddings.csv"), head + row);
    EXPECT_FAILS(ImportDuckdbExport(dir_.path(), path_, *env_), kInvalidArgument, message);
    EXPECT_THAT(Names(dir_.path()), ElementsAre("embeddings.csv")) << row;
  }
}

// Only the CSV is read: the SQL beside it is somebody else's program.
TEST_F(DuckdbExportTest, AnExportDirectoryIsImportedOnceAndThenTheFileIsTheTruth) {
  WriteFile(dir_.File("embeddings.csv"),
            "provider,depiction_id,subject_id,model,attributes,vec,created,lastmodified\n"
            "p,a,,m,null,\"[1.0, 2.0]\",5,6\n");
  WriteFile(dir_.File("schema.sql"), "this is no SQL");
  WriteFile(dir_.File("load.sql"), "COPY x TO '/nowhere'");
  CapturingLogger log;
  const auto uri = Uri::Parse("duckdb://" + dir_.path());
  ASSERT_OK(uri);
  const Context context{.env = env_.get(), .log = &log};
  {
    auto read_only = Uri::Parse("duckdb://" + dir_.path() + "?read-only=true");
    EXPECT_FAILS(OpenDuckdbDatabase(*read_only, context), kFailedPrecondition, "not imported yet");
    auto database = OpenDuckdbDatabase(*uri, context);
    ASSERT_OK(database);
    EXPECT_TRUE(log.Contains("records=1"));
    EXPECT_EQ(*(*database)->LastUpdate(), 6);
    ASSERT_OK((*database)->Add(MakeRecord("p", "b", "m", {3, 4})));
  }
  EXPECT_THAT(Names(dir_.path()),
              ElementsAre("embeddings.csv", "embeddingsdb.duckdb", "embeddingsdb.duckdb-lock",
                          "load.sql", "schema.sql"));
  {
    auto database = OpenDuckdbDatabase(*uri, context);
    ASSERT_OK(database);
    EXPECT_EQ(*(*database)->Count({}), 2);
    EXPECT_FALSE(log.Contains("WARN"));
    // Its own directory holds the database, so it is not replaced by an export.
    EXPECT_FAILS((*database)->Export(dir_.path()), kFailedPrecondition, "embeddingsdb.duckdb");
  }
  WriteFile(dir_.File("embeddings.csv"), "another export");
  auto database = OpenDuckdbDatabase(*uri, context);
  ASSERT_OK(database);
  EXPECT_EQ(*(*database)->Count({}), 2);
  EXPECT_TRUE(log.Contains("WARN"));
}

}  // namespace
}  // namespace embeddingsdb
