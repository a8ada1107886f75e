// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_store.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <signal.h>
#include <span>
#include <sqlite3.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "embeddingsdb/limits.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"
#include "engines/builtin_engines.h"
#include "engines/row_checksum.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1'760'000'000;

class SqliteStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<SqliteStore>> Open(SqliteStoreOptions options = {}) {
    if (options.path.empty()) {
      options.path = path_;
    }
    return SqliteStore::Open(options, *env_);
  }
  /// Opens the file for writing, or fails the test.
  std::unique_ptr<SqliteStore> Store() {
    Result<std::unique_ptr<SqliteStore>> store = Open();
    EXPECT_OK(store);
    return store.ok() ? *std::move(store) : nullptr;
  }
  /// What any other program could do to the file.
  void RunSql(const std::string& sql) {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &connection), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close(connection);
  }
  std::string ReadWhole() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void WriteWhole(const std::string& content) const {
    std::ofstream(path_, std::ios::binary) << content;
  }

  TempDir dir_;
  std::string path_ = dir_.File("collection.db");
  std::unique_ptr<Env> env_ = NewPosixEnv();
};

Result<std::vector<PutResult>> PutAll(RecordStore& store, const std::vector<Record>& records,
                                      std::int64_t now = kNow) {
  std::vector<const Record*> pointers;
  pointers.reserve(records.size());
  for (const Record& record : records) {
    pointers.push_back(&record);
  }
  return store.Put(pointers, now);
}

Result<RowId> PutOne(RecordStore& store, const Record& record) {
  EDB_ASSIGN(const std::vector<PutResult> results, PutAll(store, {record}));
  return results.at(0).row;
}

/// The vector of a record, empty when there is none.
std::vector<float> VectorOf(SqliteStore& store, const Key& key) {
  const auto record = store.Get(key);
  EXPECT_OK(record);
  return record.ok() ? record->value_or(Record()).embedding : std::vector<float>();
}

std::vector<std::string> ProblemsOf(SqliteStore& store) {
  std::vector<std::string> problems;
  EXPECT_OK(store.CheckFiles(problems));
  return problems;
}

std::vector<Record> ScanOf(RecordStore& store, const std::vector<Filter>& filters = {}) {
  Result<std::unique_ptr<RecordCursor>> cursor = store.Scan(filters);
  EXPECT_OK(cursor);
  if (!cursor.ok()) {
    return {};
  }
  Result<std::vector<Record>> records = Drain(**cursor);
  EXPECT_OK(records);
  return records.ok() ? *std::move(records) : std::vector<Record>();
}

TEST_F(SqliteStoreTest, KeepsRecordsAcrossReopening) {
  const Record record = MakeRecord("p", "d", "m", {1.5F, -0.0F, 1e-40F});
  {
    const auto store = Store();
    ASSERT_OK(PutAll(*store, {record}));
    ASSERT_OK(store->Close());
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  const auto store = Store();
  EXPECT_EQ(store->Get(record.key).value(), record);
  EXPECT_EQ(store->LastUpdate().value(), kNow);
}

TEST_F(SqliteStoreTest, KeepsAcknowledgedRecordsWhenTheProcessIsKilled) {
  std::array<int, 2> acknowledged{};
  ASSERT_EQ(pipe(acknowledged.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto store = SqliteStore::Open({.path = path_}, *env_);
    const bool stored = store.ok() && PutAll(**store, {MakeRecord("p", "d", "m", {1})}).ok();
    const char answer = stored ? 'y' : 'n';
    if (write(acknowledged[1], &answer, 1) == 1) {
      pause();
    }
    _exit(1);
  }
  char answer = 0;
  ASSERT_EQ(read(acknowledged[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FAILS(Open(), kFailedPrecondition, std::to_string(child));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(acknowledged[0]);
  close(acknowledged[1]);
  const auto store = Store();
  EXPECT_TRUE(store->Get({"p", "d", "m"}).value().has_value());
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(SqliteStoreTest, NeverGivesARowIdTwice) {
  RowId last = 0;
  for (int i = 0; i < 3; ++i) {
    const auto store = Store();
    const RowId row = PutOne(*store, MakeRecord("p", "newest", "m", {1})).value();
    EXPECT_GT(row, last);
    EXPECT_EQ(store->Remove({"p", "newest", "m"}, kNow).value(), row);
    last = row;
    ASSERT_OK(store->Close());
  }
}

TEST_F(SqliteStoreTest, ReplacingGivesANewRowAndNamesTheOldOne) {
  const auto store = Store();
  const RowId first = PutOne(*store, MakeRecord("p", "d", "m", {1})).value();
  const auto results =
      PutAll(*store, {MakeRecord("p", "d", "m", {2}), MakeRecord("p", "e", "m", {3})}).value();
  EXPECT_GT(results.at(0).row, first);
  EXPECT_EQ(results.at(0).replaced, first);
  EXPECT_EQ(results.at(1).replaced, std::nullopt);
  EXPECT_EQ(VectorOf(*store, {"p", "d", "m"}), std::vector<float>{2});
  const std::vector<RowRef> rows = {{results.at(0).row, {"p", "d", "m"}}, {first, {}}};
  const auto records = store->GetRows(rows, RowParts::kAll).value();
  EXPECT_EQ(records.at(0).value_or(Record()).subject_id, "subject-of-d");
  EXPECT_EQ(records.at(0).value_or(Record()).key, (Key{"p", "d", "m"}));
  EXPECT_EQ(records.at(1), std::nullopt);
}

TEST_F(SqliteStoreTest, RemovingAnAbsentRecordChangesNothing) {
  const auto store = Store();
  EXPECT_EQ(store->LastUpdate().value(), 0);
  EXPECT_EQ(store->Remove({"p", "d", "m"}, kNow).value(), std::nullopt);
  EXPECT_EQ(store->LastUpdate().value(), 0);
}

TEST_F(SqliteStoreTest, TellsKeysApartByteByByte) {
  const std::vector<std::string> ids = {
      "a",         "A",      "a ",      "'; DROP TABLE records; --",
      "\"",        "%",      "_",       "\\",
      "a-b",       "\u00e9", "e\u0301", "?1",
      "\U0001F5BC"};
  const auto store = Store();
  std::vector<Record> records;
  for (const std::string& id : ids) {
    records.push_back(MakeRecord("p'" + id, id, "m" + id, {static_cast<float>(records.size())}));
    records.back().attributes = {{id, "line\nbreak \"" + id}, {"\u00e9", ""}};
  }
  ASSERT_OK(PutAll(*store, records));
  for (const Record& record : records) {
    EXPECT_EQ(store->Get(record.key).value(), record);
    EXPECT_EQ(store->Count({{Column::kDepictionId, record.key.depiction_id}}).value(), 1);
  }
}

TEST_F(SqliteStoreTest, ListsInOrderWithinFilters) {
  const auto store = Store();
  std::vector<Record> records;
  for (const char* subject : {"b", "", "a"}) {
    for (const char* model : {"n", "m"}) {
      records.push_back(MakeRecord("q", "d", model, {1}));
      records.back().key.depiction_id += subject;
      records.back().subject_id = subject;
    }
  }
  ASSERT_OK(PutAll(*store, records));
  const auto list = [&](const ListQuery& query) {
    RecordPage page;
    EXPECT_OK(store->List(query, page));
    std::vector<std::string> names{std::to_string(page.total)};
    for (const Record& record : page.records) {
      names.push_back(record.subject_id + "/" + record.key.model);
    }
    return names;
  };
  EXPECT_THAT(list({}), ElementsAre("6", "/m", "/n", "a/m", "a/n", "b/m", "b/n"));
  EXPECT_THAT(list({.page = 2, .per_page = 4}), ElementsAre("6", "b/m", "b/n"));
  EXPECT_THAT(list({.page = 3, .per_page = 4}), ElementsAre("6"));
  EXPECT_THAT(list({.page = 2, .per_page = 2, .filters = {{Column::kModel, "n"}}}),
              ElementsAre("3", "b/n"));
  EXPECT_THAT(list({.filters = {{Column::kSubjectId, "a"}, {Column::kProvider, "q"}}}),
              ElementsAre("2", "a/m", "a/n"));
  EXPECT_THAT(list({.filters = {{Column::kModel, "n"}, {Column::kModel, "m"}}}), ElementsAre("0"));
}

TEST_F(SqliteStoreTest, ScanSeesOneMomentInRowOrder) {
  const auto store = Store();
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "z", "m", {1}), MakeRecord("q", "y", "m", {2}),
                            MakeRecord("p", "x", "n", {3})}));
  const std::unique_ptr<RecordCursor> cursor = store->Scan({{Column::kProvider, "p"}}).value();
  Record record;
  ASSERT_TRUE(cursor->Next(record).value());
  EXPECT_EQ(record.key.depiction_id, "z");
  ASSERT_OK(store->Remove({"p", "x", "n"}, kNow));
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "new", "m", {4})}));
  ASSERT_TRUE(cursor->Next(record).value());
  EXPECT_EQ(record.key.depiction_id, "x");
  EXPECT_FALSE(cursor->Next(record).value());
  EXPECT_FALSE(cursor->Next(record).value());
  EXPECT_EQ(ScanOf(*store).size(), 3U);
}

TEST_F(SqliteStoreTest, VisitsTheVectorsOfOneModelInRowOrder) {
  const auto store = Store();
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "z", "m", {1, 2}), MakeRecord("q", "y", "n", {2}),
                            MakeRecord("p", "x", "m", {3, 4})}));
  std::vector<std::string> seen;
  const auto visit = [&](const StoredRow& row) {
    seen.push_back(std::to_string(row.row) + std::string(row.provider) +
                   std::string(row.depiction_id) +
                   std::to_string(static_cast<int>(row.vector.back())));
    return Status();
  };
  ASSERT_OK(store->VisitVectors("m", 0, visit));
  EXPECT_THAT(seen, ElementsAre("1pz2", "3px4"));
  const auto stop = [](auto&&...) { return UnknownError("enough"); };
  EXPECT_EQ(store->VisitVectors("m", 0, stop), UnknownError("enough"));
}

TEST_F(SqliteStoreTest, CatalogCountsByModelAndProvider) {
  const auto store = Store();
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "a", "m", {1, 2}), MakeRecord("p", "b", "m", {1, 2}),
                            MakeRecord("q", "a", "m", {1, 2}), MakeRecord("q", "a", "n", {1})}));
  const Catalog catalog = store->LoadCatalog().value();
  ASSERT_EQ(catalog.models.size(), 2U);
  EXPECT_EQ(catalog.models.at("m").dimension, 2);
  EXPECT_EQ(catalog.models.at("m").providers,
            (std::map<std::string, std::int64_t>{{"p", 2}, {"q", 1}}));
  EXPECT_EQ(catalog.models.at("n").dimension, 1);
}

TEST_F(SqliteStoreTest, AFullFileRefusesTheWholeBatchAndServesOn) {
  auto store = Open({.path = path_, .max_pages = 40}).value();
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "old", "m", {1})}));
  std::vector<Record> batch = {MakeRecord("p", "old", "m", {2})};
  for (int i = 0; i < 500; ++i) {
    batch.push_back(MakeRecord("p", std::to_string(i), "m", std::vector<float>(1'000, 1)));
  }
  EXPECT_FAILS(PutAll(*store, batch), kResourceExhausted, path_);
  EXPECT_EQ(store->Count({}).value(), 1);
  EXPECT_EQ(VectorOf(*store, {"p", "old", "m"}), std::vector<float>{1});
  EXPECT_OK(PutAll(*store, {MakeRecord("p", "small", "m", {3})}));
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  ASSERT_OK(store->Close());
  store = Store();
  EXPECT_OK(PutAll(*store, batch));
}

TEST_F(SqliteStoreTest, OnlyOneHandleWrites) {
  auto store = Store();
  EXPECT_FAILS(Open(), kFailedPrecondition, std::to_string(getpid()));
  ASSERT_OK(store->Close());
  EXPECT_OK(Open());
}

TEST_F(SqliteStoreTest, ReadersFollowTheWriterOfAnotherHandle) {
  EXPECT_FAILS(Open({.path = path_, .read_only = true}), kNotFound, path_);
  const auto writer = Store();
  const auto reader = Open({.path = path_, .read_only = true}).value();
  const std::int64_t before = reader->ExternalChanges().value();
  EXPECT_EQ(reader->ExternalChanges().value(), before);
  ASSERT_OK(PutAll(*writer, {MakeRecord("p", "d", "m", {1})}));
  EXPECT_NE(reader->ExternalChanges().value(), before);
  EXPECT_EQ(writer->ExternalChanges().value(), 0);
  EXPECT_EQ(ScanOf(*reader).size(), 1U);
  EXPECT_FAILS(PutAll(*reader, {MakeRecord("p", "e", "m", {1})}), kFailedPrecondition, "read-only");
  EXPECT_FAILS(reader->Remove({"p", "d", "m"}, kNow), kFailedPrecondition, "read-only");
}

TEST_F(SqliteStoreTest, BatchesAppearWhole) {
  constexpr std::int64_t kBatch = 50;
  const auto store = Store();
  std::atomic<bool> done = false;
  std::atomic<std::int64_t> broken = 0;
  std::vector<std::thread> readers;
  readers.reserve(4);
  const auto read = [&] {
    while (!done) {
      RecordPage page;
      const bool listed = store->List({.page = 1, .per_page = 1'000}, page).ok();
      const auto size = static_cast<std::int64_t>(page.records.size());
      broken += listed && page.total == size && size % kBatch == 0 ? 0 : 1;
    }
  };
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back(read);
  }
  for (int batch = 0; batch < 10; ++batch) {
    std::vector<Record> records(kBatch, MakeRecord("p", std::to_string(batch), "m", {1}));
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].key.depiction_id += "-" + std::to_string(i);
    }
    EXPECT_OK(PutAll(*store, records));
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(broken, 0);
  EXPECT_EQ(store->Count({}).value(), 10 * kBatch);
}

TEST_F(SqliteStoreTest, RefusesCallsAfterClose) {
  const auto store = Store();
  const std::unique_ptr<RecordCursor> cursor = store->Scan({}).value();
  ASSERT_OK(store->Close());
  EXPECT_FAILS(store->Get({"p", "d", "m"}), kFailedPrecondition, "closed");
  EXPECT_FAILS(PutAll(*store, {MakeRecord("p", "d", "m", {1})}), kFailedPrecondition, "closed");
}

class SqliteFileTest : public SqliteStoreTest {
 protected:
  /// The file is refused with this text, by writer and reader, and left as it is.
  void ExpectRefused(std::string_view text) {
    const std::string before = ReadWhole();
    EXPECT_FAILS(Open(), kFailedPrecondition, text);
    EXPECT_FAILS(Open({.path = path_, .read_only = true}), kFailedPrecondition, text);
    EXPECT_TRUE(ReadWhole() == before);
  }
};

TEST_F(SqliteFileTest, RefusesWhatIsNoDatabase) {
  WriteWhole("provider,depiction_id,subject_id\n");
  ExpectRefused("no SQLite database");
  WriteWhole(std::string(100'000, '\x7f'));
  ExpectRefused("no SQLite database");
  EXPECT_FAILS(Open({.path = dir_.path()}), kFailedPrecondition, "folder");
  EXPECT_FAILS(Open({.path = dir_.File("absent/x.db")}), kNotFound, "absent");
}

TEST_F(SqliteFileTest, RefusesTheDatabasesOfOtherPrograms) {
  RunSql("CREATE TABLE bookmarks(url TEXT)");
  ExpectRefused("another program");
}

TEST_F(SqliteFileTest, RefusesAGoDatabaseByName) {
  RunSql("CREATE TABLE records(id INTEGER PRIMARY KEY, provider TEXT); CREATE TABLE vec(x)");
  ExpectRefused("go-embeddingsdb");
}

TEST_F(SqliteFileTest, RefusesANewerFormatNamingBothVersions) {
  ASSERT_OK(Store()->Close());
  RunSql("PRAGMA user_version = 7");
  ExpectRefused("version 7, this program knows version 1");
}

TEST_F(SqliteFileTest, MakesADatabaseOfAnEmptyFile) {
  WriteWhole("");
  EXPECT_FAILS(Open({.path = path_, .read_only = true}), kFailedPrecondition, "empty file");
  EXPECT_OK(Open());
}

TEST_F(SqliteFileTest, IsWhatTheFormatPageSays) {
  ASSERT_OK(PutAll(*Store(), {MakeRecord("p", "d", "m", {1, 2})}));
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &connection), SQLITE_OK);
  const auto query = [&](const std::string& sql) {
    std::string answer;
    const auto append = [](void* out, int columns, char** values, char**) {
      for (int i = 0; i < columns; ++i) {
        *static_cast<std::string*>(out) += values[i];
      }
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), append, &answer, nullptr), SQLITE_OK);
    return answer;
  };
  EXPECT_EQ(query("PRAGMA application_id"), "1701077553");
  EXPECT_EQ(query("PRAGMA user_version"), "1");
  EXPECT_EQ(query("PRAGMA page_size"), "16384");
  EXPECT_EQ(query("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(query("SELECT hex(embedding), lastmodified, attributes FROM records"),
            R"(0000803F000000401760000000{"subject_title":"d"})");
  EXPECT_EQ(query("SELECT name, value FROM meta ORDER BY name"), "last_update1760000000next_id2");
  sqlite3_close(connection);
}

TEST_F(SqliteFileTest, DoesNotRunTriggersOfTheFile) {
  ASSERT_OK(Store()->Close());
  RunSql("CREATE TRIGGER evil AFTER INSERT ON records BEGIN DELETE FROM records; END");
  const auto store = Store();
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "d", "m", {1})}));
  EXPECT_EQ(store->Count({}).value(), 1);
}

class SqliteDamageTest : public SqliteStoreTest {
 protected:
  void SetUp() override {
    const auto store = Store();
    ASSERT_OK(PutAll(*store, {MakeRecord("p", "a", "m", {1, 2}), MakeRecord("p", "b", "m", {3, 4}),
                              MakeRecord("p", "c", "m", {5, 6})}));
    EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  }
  /// A new embedding for row 2 with its checksum, so that only what it says is wrong.
  static std::string Embedding(std::string_view bytes) {
    const std::uint32_t checksum = RowChecksum::OfVector(std::as_bytes(std::span(bytes)));
    std::string hex;
    for (const char byte : bytes) {
      std::array<char, 3> digits{};
      (void)std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(byte));
      hex += digits.data();
    }
    return Concat("embedding = x'", hex, "', checksum = (checksum >> 32 << 32) | ", checksum);
  }
  /// What Verify says of the file.
  Result<VerifyReport> Verify() {
    EDB_ASSIGN(const Uri uri, Uri::Parse("sqlite://" + path_));
    EDB_ASSIGN(const std::unique_ptr<Database> database,
               OpenSqliteDatabase(uri, {.env = env_.get(), .log = &log_, .registry = nullptr}));
    return database->Verify();
  }
  /// What it says after `set` was done to row 2.
  std::vector<std::string> ProblemsAfter(const std::string& set) {
    RunSql("UPDATE records SET " + set + " WHERE id = 2");
    const Result<VerifyReport> report = Verify();
    EXPECT_OK(report);
    return report.ok() ? report->problems : std::vector<std::string>();
  }

  Logger log_;
};

TEST_F(SqliteDamageTest, NeverServesAnEmbeddingThatDiffersFromItsChecksum) {
  EXPECT_THAT(ProblemsAfter("embedding = x'0000803F00000040'"),
              ElementsAre(AllOf(HasSubstr("row 2"), HasSubstr("checksum"))));
  const auto store = Store();
  EXPECT_FAILS(store->Get({"p", "b", "m"}), kDataLoss, "row 2");
  EXPECT_OK(store->Get({"p", "c", "m"}));
  const auto ignore = [](auto&&...) { return Status(); };
  EXPECT_FAILS(store->VisitVectors("m", 0, ignore), kDataLoss, "row 2");
}

TEST_F(SqliteDamageTest, NeverServesAFieldThatDiffersFromItsChecksum) {
  const std::vector<RowRef> rows = {{2, {"p", "b", "m"}}};
  for (const std::string set : {"provider = 'q'", "depiction_id = 'x'", "model = 'n'",
                                "subject_id = 'other'", "created = created + 1", "lastmodified = 0",
                                "attributes = '{}'", "checksum = checksum + 4294967296"}) {
    SCOPED_TRACE(set);
    RunSql("CREATE TABLE kept AS SELECT * FROM records");
    EXPECT_THAT(ProblemsAfter(set), ElementsAre(AllOf(HasSubstr("row 2"), HasSubstr("checksum"))));
    // A changed key is another's row to the index, which still knows the old one.
    if (!set.starts_with("provider") && !set.starts_with("depiction") &&
        !set.starts_with("model")) {
      EXPECT_FAILS(Store()->GetRows(rows, RowParts::kAll), kDataLoss, "row 2");
    }
    // An index is loaded all the same: who finds the row is told.
    EXPECT_OK(Store()->VisitVectors("m", 0, [](const StoredRow& row) {
      EXPECT_EQ(row.details.empty(), row.row == 2);
      return Status();
    }));
    RunSql("DELETE FROM records; INSERT INTO records SELECT * FROM kept; DROP TABLE kept");
  }
  EXPECT_THAT(ProblemsAfter("id = id"), IsEmpty());
}

TEST_F(SqliteDamageTest, FindsAnEmbeddingOfOddLengthAndNeverServesIt) {
  EXPECT_THAT(ProblemsAfter(Embedding({"\x00\x00\x80\x3f\x00\x00\x00", 7})),
              ElementsAre(AllOf(HasSubstr("row 2"), HasSubstr("7 bytes"))));
  const auto store = Store();
  EXPECT_FAILS(store->Get({"p", "b", "m"}), kDataLoss, "row 2");
  EXPECT_OK(store->Get({"p", "c", "m"}));
  const auto ignore = [](auto&&...) { return Status(); };
  EXPECT_FAILS(store->VisitVectors("m", 0, ignore), kDataLoss, "row 2");
}

TEST_F(SqliteDamageTest, FindsNumbersThatAreNone) {
  EXPECT_THAT(ProblemsAfter(Embedding({"\x00\x00\xc0\x7f\x00\x00\x80\x3f", 8})),
              ElementsAre(AllOf(HasSubstr("p-b-m"), HasSubstr("embeddings[0]"))));
}

TEST_F(SqliteDamageTest, FindsAttributesThatDoNotParse) {
  EXPECT_THAT(ProblemsAfter("attributes = '{\"a\":'"), ElementsAre(HasSubstr("row 2")));
  const auto store = Store();
  const std::vector<RowRef> rows = {{2, {"p", "b", "m"}}};
  EXPECT_FAILS(store->GetRows(rows, RowParts::kAll), kDataLoss, "row 2");
}

TEST_F(SqliteDamageTest, FindsAVectorOfAnotherLength) {
  EXPECT_THAT(ProblemsAfter(Embedding({"\x00\x00\x80\x3f", 4})),
              ElementsAre(AllOf(HasSubstr("p-b-m"), HasSubstr("1 elements"))));
}

TEST_F(SqliteDamageTest, VerifyGoesOnAfterARowThatCannotBeRead) {
  RunSql("UPDATE records SET attributes = 'x' WHERE id <> 2");
  const Result<VerifyReport> report = Verify();
  ASSERT_OK(report);
  EXPECT_EQ(report->records, 1);
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("row 1 "), HasSubstr("row 3 ")));
}

TEST_F(SqliteDamageTest, VerifyNamesSoManyProblemsAndCountsTheRest) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < kMaxVerifyProblems; ++i) {
    records.push_back(MakeRecord("q", Concat("d", i), "m", {1, 2}));
  }
  ASSERT_OK(PutAll(*Store(), records));
  RunSql("UPDATE records SET attributes = 'x'");
  const Result<VerifyReport> report = Verify();
  ASSERT_OK(report);
  EXPECT_EQ(report->records, 0);
  ASSERT_EQ(report->problems.size(), kMaxVerifyProblems + 1);
  EXPECT_EQ(report->problems.back(), "and 3 more");
}

TEST_F(SqliteDamageTest, FindsOverwrittenPages) {
  const std::string content = ReadWhole();
  ASSERT_EQ(content.size() % 16'384, 0U);
  for (std::size_t page = 1; page < content.size() / 16'384; ++page) {
    std::string damaged = content;
    damaged.replace(page * 16'384, 64, std::string(64, '\xee'));
    WriteWhole(damaged);
    const Result<VerifyReport> report = Verify();
    if (!report.ok()) {
      EXPECT_EQ(report.status().code(), StatusCode::kDataLoss) << page << report.status();
      continue;
    }
    EXPECT_FALSE(report->problems.empty()) << "page " << page + 1;
  }
}

TEST(SqliteMemoryStore, WorksWithoutAFile) {
  const auto env = NewPosixEnv();
  const auto store = SqliteStore::Open({}, *env).value();
  EXPECT_FALSE(store->capabilities().persistent);
  ASSERT_OK(PutAll(*store, {MakeRecord("p", "a", "m", {1}), MakeRecord("p", "b", "m", {2})}));
  const std::unique_ptr<RecordCursor> cursor = store->Scan({}).value();
  // Would wait for ever if the cursor kept the only connection.
  ASSERT_OK(store->Remove({"p", "b", "m"}, kNow));
  EXPECT_EQ(Drain(*cursor).value().size(), 2U);
  EXPECT_EQ(store->Count({}).value(), 1);
  ASSERT_OK(store->Close());
  EXPECT_FAILS(store->Count({}), kFailedPrecondition, "closed");
}

}  // namespace
}  // namespace embeddingsdb
