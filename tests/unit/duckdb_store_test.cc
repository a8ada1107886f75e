// SPDX-License-Identifier: BSD-3-Clause
//
// What the DuckDB store does beyond the conformance suite: its file, its lock, and what a crash
// leaves.
#include "engines/duckdb/duckdb_store.h"

#include <sys/wait.h>
#include <unistd.h>

#include "duckdb_c/handle.h"
#include "engines/duckdb/duckdb_location.h"
#include "unit/duckdb_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using DuckdbStoreTest = DuckdbFixture;

TEST_F(DuckdbStoreTest, KeepsRecordsAndTimesOverReopening) {
  {
    auto store = OpenOrDie();
    ASSERT_OK(Put(*store, NastyRecords(), 77));
    ASSERT_OK(store->Close());
  }
  EXPECT_THAT(Names(dir_.path()), ElementsAre("edb.duckdb", "edb.duckdb-lock"));
  auto store = OpenOrDie();
  EXPECT_EQ(All(*store), NastyRecords());
  EXPECT_EQ(*store->LastUpdate(), 77);
}

TEST_F(DuckdbStoreTest, NeverGivesARowIdTwiceEvenAfterTheLastIsRemoved) {
  RowId last = 0;
  {
    auto store = OpenOrDie();
    auto put = Put(*store, ManyRecords(3));
    ASSERT_OK(put);
    last = put->back().row;
    auto removed = store->Remove({"p", "d2", "m"}, 2'000);
    ASSERT_OK(removed);
    EXPECT_EQ(*removed, last);
  }
  auto store = OpenOrDie();
  EXPECT_EQ(*store->LastUpdate(), 2'000);
  auto put = Put(*store, {MakeRecord("p", "d2", "m", {5, 6})});
  ASSERT_OK(put);
  EXPECT_GT(put->front().row, last);
  EXPECT_FALSE(put->front().replaced.has_value());
}

// Few records are looked up one by one, many by a join; whole batches go straight into the file.
TEST_F(DuckdbStoreTest, ReplacesInBatchesOfEverySize) {
  auto store = OpenOrDie();
  for (const int size : {1, 16, 17, 2'048, 2'500}) {
    ASSERT_OK(Put(*store, ManyRecords(size, static_cast<float>(size))));
    auto before = Put(*store, ManyRecords(size, 7));
    ASSERT_OK(before);
    auto after = Put(*store, ManyRecords(size + 3, 8));
    ASSERT_OK(after);
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
      ASSERT_EQ((*after)[i].replaced, (*before)[i].row) << size << " " << i;
    }
    EXPECT_EQ(All(*store), ManyRecords(size + 3, 8)) << size;
    for (int i = 0; i < size + 3; ++i) {
      if (size < 100 || i % 100 == 0 || i >= size) {
        ASSERT_OK(store->Remove({"p", "d" + std::to_string(i), "m"}, 1));
      }
    }
  }
  std::vector<std::string> problems;
  ASSERT_OK(store->CheckFiles(problems));
  EXPECT_THAT(problems, IsEmpty());
}

// DuckDB plans a prepared statement with the statistics of the moment. One that was kept would miss
// ids and names that came later.
TEST_F(DuckdbStoreTest, StaysRightWhileTheDataOutgrowsWhatItWas) {
  auto store = OpenOrDie();
  int count = 0;
  for (int round = 0; round < 6; ++round) {
    count += 30;
    std::vector<Record> records = ManyRecords(count, static_cast<float>(round));
    for (Record& record : records) {
      record.key.model = "m" + std::string(static_cast<std::size_t>(round), 'x');
    }
    ASSERT_OK(Put(*store, records));
    records.pop_back();
    auto again = Put(*store, records);
    ASSERT_OK(again);
    EXPECT_TRUE(std::all_of(again->begin(), again->end(),
                            [](const PutResult& put) { return put.replaced.has_value(); }));
    ASSERT_OK(store->Remove(records.front().key, 1));
    auto catalog = store->LoadCatalog();
    ASSERT_OK(catalog);
    EXPECT_EQ(catalog->models.size(), static_cast<std::size_t>(round) + 1);
    EXPECT_EQ(catalog->models.at(records.front().key.model).providers.at("p"), count - 1);
    std::vector<std::string> problems;
    ASSERT_OK(store->CheckFiles(problems));
    ASSERT_THAT(problems, IsEmpty()) << round;
  }
}

TEST_F(DuckdbStoreTest, TellsKeysApartThatLookAlikeWhenJoined) {
  auto store = OpenOrDie();
  const std::vector<Record> records = {MakeRecord("a-b", "c", "m", {1}),
                                       MakeRecord("a", "b-c", "m", {2}),
                                       MakeRecord("a", "b", "c-m", {3})};
  ASSERT_OK(Put(*store, records));
  for (const Record& record : records) {
    EXPECT_EQ(**store->Get(record.key), record);
  }
  EXPECT_FALSE(store->Get({"a", "b", "c"})->has_value());
}

TEST_F(DuckdbStoreTest, AKeyCanComeBackWhileAScanStillSeesTheOldRecord) {
  auto store = OpenOrDie();
  ASSERT_OK(Put(*store, ManyRecords(5'000)));
  auto cursor = store->Scan({});
  ASSERT_OK(cursor);
  Record first;
  ASSERT_TRUE(*(*cursor)->Next(first));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(store->Remove({"p", "d4999", "m"}, 1));
    ASSERT_OK(Put(*store, {MakeRecord("p", "d4999", "m", {9, 9})}));
    ASSERT_OK(Put(*store, ManyRecords(100, 5)));
  }
  auto rest = Drain(**cursor);
  ASSERT_OK(rest);
  const std::vector<Record> old = ManyRecords(5'000);
  EXPECT_TRUE(std::equal(rest->begin(), rest->end(), old.begin() + 1, old.end()));
  EXPECT_EQ((*store->Get({"p", "d4999", "m"}))->embedding, (std::vector<float>{9, 9}));
}

TEST_F(DuckdbStoreTest, GetRowsAnswersInOrderAndNothingForRowsThatAreGone) {
  auto store = OpenOrDie();
  const std::vector<Record> records = ManyRecords(130);
  auto put = Put(*store, records);
  ASSERT_OK(put);
  ASSERT_OK(store->Remove(records[5].key, 1));
  std::vector<RowRef> rows;
  for (std::size_t i = records.size(); i-- > 0;) {
    rows.push_back({(*put)[i].row, records[i].key});
  }
  auto found = store->GetRows(rows, RowParts::kAll);
  ASSERT_OK(found);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t record = records.size() - 1 - i;
    ASSERT_EQ((*found)[i].has_value(), record != 5) << record;
    if (record != 5) {
      EXPECT_EQ((*found)[i]->attributes, records[record].attributes);
    }
  }
}

TEST_F(DuckdbStoreTest, VisitedRowsSayWhatTheirRecordsSay) {
  const std::vector<Record> records = NastyRecords();
  auto store = OpenOrDie();
  ASSERT_OK(Put(*store, records));
  std::size_t visited = 0;
  ASSERT_OK(store->VisitVectors("m", 0, [&](const StoredRow& row) {
    const Record& record = records[visited++];
    const RowDetails details(row.details);
    EXPECT_TRUE(details.kept());
    EXPECT_EQ(row.provider, record.key.provider);
    EXPECT_EQ(row.depiction_id, record.key.depiction_id);
    EXPECT_EQ(details.subject_id(), record.subject_id);
    EXPECT_EQ(details.attributes(), record.attributes);
    return Status();
  }));
  EXPECT_EQ(visited, records.size());
}

TEST_F(DuckdbStoreTest, AKilledProcessLosesNothingAcknowledged) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Open(path_);
    const bool ok = store.ok() && Put(**store, ManyRecords(2'500)).ok() &&
                    Put(**store, ManyRecords(10, 3)).ok() &&
                    (*store)->Remove({"p", "d20", "m"}, 5).ok();
    ::_exit(ok ? 0 : 1);  // no destructor runs, as after kill -9
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  auto store = OpenOrDie();
  EXPECT_EQ(*store->Count({}), 2'499);
  EXPECT_EQ((*store->Get({"p", "d9", "m"}))->embedding.front(), 3);
  EXPECT_EQ((*store->Get({"p", "d10", "m"}))->embedding.front(), 0);
  EXPECT_FALSE(store->Get({"p", "d20", "m"})->has_value());
  std::vector<std::string> problems;
  ASSERT_OK(store->CheckFiles(problems));
  EXPECT_THAT(problems, IsEmpty());
}

// A log cut anywhere in its last transaction gives the state before that transaction, whichever way
// its rows went: rows of a whole batch are in the file already, only the log does not say so.
TEST_F(DuckdbStoreTest, ATornLogLosesTheLastTransactionWholeOrNotAtAll) {
  const std::string log = path_ + ".wal";
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Open(path_);
    ::_exit(store.ok() && Put(**store, ManyRecords(2'100)).ok() && (*store)->Close().ok() &&
                    (store = Open(path_)).ok() && Put(**store, ManyRecords(30, 1)).ok() &&
                    (std::filesystem::copy_file(log, log + ".before"), true) &&
                    Put(**store, ManyRecords(2'200, 2)).ok()
                ? 0
                : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const std::uintmax_t before = std::filesystem::file_size(log + ".before");
  const std::uintmax_t complete = std::filesystem::file_size(log);
  ASSERT_GT(complete, before + 12);
  // The last entries are the interesting ones: the row groups, then the end of the transaction.
  const std::vector<std::uintmax_t> cuts = {before,         before + 1,    (before + complete) / 2,
                                            complete - 200, complete - 30, complete - 1,
                                            complete};
  for (const std::uintmax_t cut : cuts) {
    const std::string copy = dir_.File("copy.duckdb");
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(log, copy + ".wal",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(copy + ".wal", cut);
    for (int again = 0; again < 2; ++again) {
      auto store = Open(copy);
      ASSERT_OK(store);
      const bool whole = cut == complete;
      ASSERT_EQ(*(*store)->Count({}), whole ? 2'200 : 2'100) << cut << " of " << complete;
      EXPECT_EQ((*(*store)->Get({"p", "d29", "m"}))->embedding.front(), whole ? 2 : 1);
      EXPECT_EQ((*(*store)->Get({"p", "d30", "m"}))->embedding.front(), whole ? 2 : 0);
      std::vector<std::string> problems;
      ASSERT_OK((*store)->CheckFiles(problems));
      EXPECT_THAT(problems, IsEmpty());
    }
  }
}

TEST_F(DuckdbStoreTest, RefusesASecondHandleUntilTheLastCursorIsGone) {
  auto store = OpenOrDie();
  EXPECT_FAILS(Open(path_), kFailedPrecondition, std::to_string(::getpid()));
  ASSERT_OK(Put(*store, ManyRecords(3)));
  auto cursor = store->Scan({});
  ASSERT_OK(cursor);
  ASSERT_OK(Put(*store, ManyRecords(2, 7)));
  ASSERT_OK(store->Close());
  EXPECT_FAILS(Open(path_), kFailedPrecondition, "locked");
  cursor->reset();
  EXPECT_EQ((*OpenOrDie()->Get({"p", "d1", "m"}))->embedding.front(), 7);
}

TEST_F(DuckdbStoreTest, ReadOnlyReadsAndCreatesNothing) {
  EXPECT_FALSE(Open(path_, true).ok());
  EXPECT_FALSE(env_->Exists(path_));
  ASSERT_OK(Put(*OpenOrDie(), ManyRecords(3)));
  auto store = Open(path_, true);
  ASSERT_OK(store);
  EXPECT_EQ(All(**store), ManyRecords(3));
  EXPECT_FALSE(Put(**store, ManyRecords(1)).ok());
}

TEST_F(DuckdbStoreTest, RefusesFilesThatAreNotItsOwnByName) {
  WriteFile(path_, "SQLite format 3, or anything else that is long enough to look at it" +
                       std::string(20'000, 'x'));
  EXPECT_FAILS(Open(path_), kFailedPrecondition, "edb.duckdb");

  const std::string other = dir_.File("other.duckdb");
  {
    auto database = duckdb_c::Database::Open(other, {});
    ASSERT_OK(database);
    ASSERT_OK(database->Connect()->Execute("CREATE TABLE paintings (name VARCHAR)"));
  }
  EXPECT_FAILS(Open(other), kFailedPrecondition, "paintings");
}

TEST_F(DuckdbStoreTest, RefusesANewerFormat) {
  ASSERT_OK(OpenOrDie()->Close());
  {
    auto database = duckdb_c::Database::Open(path_, {});
    ASSERT_OK(database);
    ASSERT_OK(database->Connect()->Execute("UPDATE meta SET value = '2' WHERE name = 'version'"));
  }
  EXPECT_FAILS(Open(path_), kFailedPrecondition, "version \"2\"");
}

// The dimension shows where the catalog comes from: rows say 2, the tampered table says 77.
TEST_F(DuckdbStoreTest, TheSavedCatalogIsBelievedOnlyWhileItIsOfTheseRows) {
  const auto tamper = [this](const std::string& sql) {
    auto database = duckdb_c::Database::Open(path_, {});
    ASSERT_OK(database);
    ASSERT_OK(database->Connect()->Execute(sql));
  };
  const auto dimension = [this] { return OpenOrDie()->LoadCatalog()->models.at("m").dimension; };
  ASSERT_OK(Put(*OpenOrDie(), ManyRecords(3)));
  tamper("UPDATE catalog SET dimensions = 77");
  EXPECT_EQ(dimension(), 77);
  EXPECT_EQ(dimension(), 77) << "an open without a change leaves it";

  tamper("DELETE FROM embeddings WHERE id = 2; DELETE FROM keys WHERE id = 2");
  EXPECT_EQ(dimension(), 2) << "fewer rows";
  EXPECT_EQ(dimension(), 2) << "the close has noted what is there";

  tamper("UPDATE catalog SET dimensions = 77");
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Open(path_);
    ::_exit(store.ok() && Put(**store, {ManyRecords(1)}).ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(dimension(), 2) << "as many rows, but a newer one";
  EXPECT_EQ(*OpenOrDie()->Count({}), 2);
}

TEST_F(DuckdbStoreTest, CheckFilesFindsTablesThatDisagree) {
  ASSERT_OK(Put(*OpenOrDie(), ManyRecords(3)));
  {
    auto database = duckdb_c::Database::Open(path_, {});
    ASSERT_OK(database);
    ASSERT_OK(
        database->Connect()->Execute("DELETE FROM keys WHERE id = 2; "
                                     "UPDATE embeddings SET dimensions = 9 WHERE id = 1"));
  }
  std::vector<std::string> problems;
  ASSERT_OK(OpenOrDie()->CheckFiles(problems));
  EXPECT_THAT(problems, ElementsAre(HasSubstr("1 rows of embeddings without their key"),
                                    HasSubstr("1 vectors of another length")));
}

TEST_F(DuckdbStoreTest, ABatchThatManyThreadsWriteIsWholeAndInOrder) {
  auto store = OpenOrDie();
  for (const int size : {2'048, 2'049, 9'001}) {
    auto put = Put(*store, ManyRecords(size, static_cast<float>(size)));
    ASSERT_OK(put);
    EXPECT_EQ(put->back().row - put->front().row, size - 1);
    EXPECT_EQ(All(*store), ManyRecords(size, static_cast<float>(size)));
  }
  std::vector<std::string> problems;
  ASSERT_OK(store->CheckFiles(problems));
  EXPECT_THAT(problems, IsEmpty());
}

TEST_F(DuckdbStoreTest, ScansGoByIdHoweverTheRowsLie) {
  ASSERT_OK(Put(*OpenOrDie(), ManyRecords(5'000)));
  {
    auto database = duckdb_c::Database::Open(path_, {});
    ASSERT_OK(database);
    ASSERT_OK(database->Connect()->Execute(
        "CREATE TABLE other AS SELECT * FROM embeddings ORDER BY hash(id); "
        "DELETE FROM embeddings; INSERT INTO embeddings SELECT * FROM other; DROP TABLE other"));
  }
  auto store = OpenOrDie();
  EXPECT_EQ(All(*store), ManyRecords(5'000));
  RowId last = 0;
  ASSERT_OK(store->VisitVectors("m", 3, [&last](const StoredRow& row) {
    EXPECT_GT(row.row, last);
    last = row.row;
    return Status();
  }));
  EXPECT_EQ(last, 5'000);
}

TEST_F(DuckdbStoreTest, AFileThatWasNotClosedSaysSoToOneThatOnlyReads) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Open(path_);
    ::_exit(store.ok() && Put(**store, ManyRecords(2'100)).ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_FAILS(Open(path_, true), kFailedPrecondition, "open it once without read-only=true");
  EXPECT_EQ(All(*OpenOrDie()), ManyRecords(2'100));
  EXPECT_OK(Open(path_, true));
}

TEST_F(DuckdbStoreTest, PathsAreFilesOrDirectories) {
  EXPECT_EQ(ResolveDuckdbLocation("", *env_)->file, "");
  EXPECT_EQ(ResolveDuckdbLocation(dir_.File("new"), *env_)->file, dir_.File("new"));
  EXPECT_EQ(ResolveDuckdbLocation(dir_.path(), *env_)->file, dir_.File("embeddingsdb.duckdb"));
  EXPECT_EQ(ResolveDuckdbLocation(dir_.path(), *env_)->export_directory, "");
  for (const char* name : {"embeddings.csv", "schema.sql", "load.sql"}) {
    WriteFile(dir_.File(name), "");
  }
  EXPECT_EQ(ResolveDuckdbLocation(dir_.path(), *env_)->export_directory, dir_.path());
  EXPECT_FAILS(ResolveDuckdbLocation(dir_.File("none/new"), *env_), kNotFound, "none");
}

}  // namespace
}  // namespace embeddingsdb
