// SPDX-License-Identifier: BSD-3-Clause
//
// The word index of the SQLite file: answers are those of reading all records, whatever happened to
// records and index.
#include "engines/sqlite/sqlite_words.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <signal.h>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/env.h"
#include "core/log.h"
#include "core/record_matcher.h"
#include "core/text.h"
#include "engines/sqlite/sqlite_format.h"
#include "engines/sqlite/sqlite_store.h"
#include "engines/sqlite/sqlite_writer.h"
#include "support/records.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1'760'000'000;
// More than are read for every search without an index.
constexpr int kMany = 2'500;

class KeptLog final : public Logger {
 public:
  std::vector<std::string> lines;

 protected:
  void Write(std::string_view line) override { lines.emplace_back(line); }
};

/// What a search by words came to.
struct Answer {
  std::vector<std::string> found;  ///< depiction ids of the rows that match, in row order
  std::size_t visited = 0;         ///< how many rows were read for it

  bool operator==(const Answer&) const = default;
};

class SqliteWords : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> Open(SqliteStoreOptions options = {}) {
    options.path = path_;
    options.log = &log_;
    Result<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(options, *env_);
    EXPECT_OK(store);
    return store.ok() ? *std::move(store) : nullptr;
  }

  static Record Titled(int number, std::string title) {
    Record record = MakeRecord("p", Concat("d", number), "m", {static_cast<float>(number)});
    record.attributes = {{"creditline", Concat("Gift ", number)}, {"title", std::move(title)}};
    return record;
  }
  static void Put(SqliteStore& store, const std::vector<Record>& records) {
    std::vector<const Record*> pointers;
    pointers.reserve(records.size());
    for (const Record& record : records) {
      pointers.push_back(&record);
    }
    ASSERT_OK(store.Put(pointers, kNow));
  }
  /// Records from `first` on: of those the hundredth, two hundredth... are titled "Etude", with its
  /// accent, and n, the others "Flower n".
  static void PutMany(SqliteStore& store, int count = kMany, int first = 1) {
    std::vector<Record> records;
    for (int i = first; i < first + count; ++i) {
      records.push_back(Titled(i, Concat(i % 100 == 0 ? "\u00C9tude " : "Flower ", i)));
    }
    Put(store, records);
  }

  static Answer Search(SqliteStore& store, std::string_view words,
                       std::vector<Filter> filters = {}) {
    filters.push_back({.column = Column::kWords, .value = std::string(words)});
    const RecordMatcher matcher(filters);
    Answer answer;
    RowId last = 0;
    EXPECT_OK(store.VisitFields(filters, [&](RowId row, const Record& record) -> Status {
      EXPECT_GT(row, last) << "rows must ascend";
      last = row;
      ++answer.visited;
      if (matcher.Matches(record)) {
        answer.found.push_back(record.key.depiction_id);
      }
      return {};
    }));
    return answer;
  }

  std::int64_t Number(const std::string& sql) {
    const SqliteConnection connection = OpenSqliteReader(path_).value();
    return connection.QueryInteger(sql).value();
  }
  std::int64_t Meta(const std::string& name) {
    return Number(Concat("SELECT ifnull(max(value), -1) FROM meta WHERE name = '", name, "'"));
  }
  /// What any other program could do to the file.
  void RunSql(const std::string& sql) {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &connection), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close(connection);
  }
  static std::vector<std::string> ProblemsOf(SqliteStore& store) {
    std::vector<std::string> problems;
    EXPECT_OK(store.CheckFiles(problems));
    return problems;
  }

  TempDir dir_;
  const std::string path_ = dir_.File("collection.db");
  std::unique_ptr<Env> env_ = NewPosixEnv();
  KeptLog log_;
};

TEST_F(SqliteWords, AreIndexedByTheFirstSearchAndNotByWrites) {
  const auto store = Open();
  PutMany(*store);
  EXPECT_EQ(Meta("words_rule"), -1);
  EXPECT_EQ(Search(*store, "flower 1234"), (Answer{{"d1234"}, 1}));
  EXPECT_EQ(Meta("words_rule"), WordsRule());
  EXPECT_EQ(Meta("words_last"), kMany);
  EXPECT_EQ(Meta("words_rows"), kMany);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  EXPECT_THAT(log_.lines, IsEmpty());
}

TEST_F(SqliteWords, AreNotIndexedForFewRecords) {
  const auto store = Open();
  PutMany(*store, 200);
  EXPECT_EQ(Search(*store, "etude"), (Answer{{"d100", "d200"}, 200}));
  EXPECT_EQ(Meta("words_rule"), -1);
}

TEST_F(SqliteWords, AreFoundWhateverTheyAreMadeOf) {
  const auto store = Open();
  PutMany(*store);
  Put(*store, {Titled(9001, "\u5BCC\u5DBD\u4E09\u5341\u516D\u666F"),
               Titled(9002, "\u042D\u0420\u041C\u0418\u0422\u0410\u0416 NOT OR near"),
               Titled(9003, std::string(100, 'x') + " \u00FCber-fl\u00FCssig"),
               Titled(9004, "data: none"), Titled(9005, "data:none")});
  PutMany(*store, kMany, 10'000);
  EXPECT_EQ(Search(*store, "etude 300"), (Answer{{"d300"}, 1}));
  EXPECT_EQ(Search(*store, "\u00C9TUDE 3*"), (Answer{{"d300"}, 1}));
  EXPECT_EQ(Search(*store, "\u5DBD \u5BCC"), (Answer{{"d9001"}, 1}));
  EXPECT_EQ(Search(*store, "\u044D\u0440\u043C\u0438*"), (Answer{{"d9002"}, 1}));
  EXPECT_EQ(Search(*store, "not or NEAR"), (Answer{{"d9002"}, 1}));
  EXPECT_EQ(Search(*store, "\"NOT (near* text:or"), (Answer{{}, 0}));
  EXPECT_EQ(Search(*store, std::string(64, 'x') + "yz fluss*"), (Answer{{"d9003"}, 1}));
  EXPECT_EQ(Search(*store, "none"), (Answer{{}, 0}));
  EXPECT_EQ(Search(*store, "gift 9005"), (Answer{{"d9005"}, 1}));
  EXPECT_EQ(Search(*store, "title"), (Answer{{}, 0}));
  EXPECT_EQ(Search(*store, "flower").found.size(), 2U * (kMany - 25));
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(SqliteWords, OfSeveralFiltersAreAllAskedFor) {
  const auto store = Open();
  PutMany(*store);
  EXPECT_EQ(Search(*store, "etude", {{.column = Column::kWords, .value = "gift 70*"}}),
            (Answer{{"d700"}, 1}));
  Record other = Titled(700, "\u00C9tude 700");
  other.key.model = "other";
  Put(*store, {other});
  const std::vector<Filter> of_other = {{.column = Column::kModel, .value = "other"}};
  EXPECT_THAT(Search(*store, "etude 700", of_other).found, ElementsAre("d700"));
  EXPECT_THAT(Search(*store, "etude 800", of_other).found, IsEmpty());
}

TEST_F(SqliteWords, FollowAddsReplacementsAndRemovals) {
  const auto store = Open();
  PutMany(*store);
  ASSERT_EQ(Search(*store, "etude").found.size(), 25U);
  Put(*store, {Titled(100, "Flower now"), Titled(5000, "\u00C9tude too")});
  ASSERT_OK(store->Remove({"p", "d200", "m"}, kNow));
  // Those of the index, but the replaced and the removed one, and the two after it.
  Answer answer = Search(*store, "etude");
  EXPECT_EQ(answer.visited, 23U + 2U);
  EXPECT_EQ(answer.found.size(), 24U);
  EXPECT_EQ(answer.found.front(), "d300");
  EXPECT_EQ(answer.found.back(), "d5000");
  EXPECT_EQ(Meta("words_last"), kMany);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  // Enough new ones for the index.
  PutMany(*store, kMany, 10'000);
  EXPECT_EQ(Search(*store, "now"), (Answer{{"d100"}, 1}));
  EXPECT_EQ(Meta("words_last"), 2 * kMany + 2);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(SqliteWords, OutliveTheStoreAndServeReaders) {
  {
    const auto store = Open();
    PutMany(*store);
    ASSERT_EQ(Search(*store, "etude 500").visited, 1U);
    ASSERT_OK(store->Close());
  }
  const auto reader = Open({.read_only = true});
  EXPECT_EQ(Search(*reader, "etude 500"), (Answer{{"d500"}, 1}));
  const auto writer = Open();
  Put(*writer, {Titled(5000, "\u00C9tude 5000")});
  EXPECT_EQ(Search(*reader, "etude 5000"), (Answer{{"d5000"}, 1}));
  EXPECT_EQ(Search(*writer, "etude 5*"), (Answer{{"d500", "d5000"}, 2}));
}

TEST_F(SqliteWords, AreReadFromTheRecordsByAReaderWithoutAnIndex) {
  const auto writer = Open();
  PutMany(*writer);
  const auto reader = Open({.read_only = true});
  EXPECT_EQ(Search(*reader, "etude 500"), (Answer{{"d500"}, kMany}));
  EXPECT_EQ(Meta("words_rule"), -1);
  EXPECT_EQ(Search(*writer, "etude 500"), (Answer{{"d500"}, 1}));
  EXPECT_EQ(Search(*reader, "etude 500"), (Answer{{"d500"}, 1}));
}

TEST_F(SqliteWords, AreWholeAfterTheProcessWasKilledBetweenTwoPieces) {
  PutMany(*Open(), 12'000);
  const pid_t child = fork();
  if (child == 0) {
    auto connection = OpenSqliteWriter(path_, Durability::kPower);
    auto writer = SqliteWriter::Create(*connection, SqliteCompression::kNone);
    const auto more = (*writer)->UpdateWords(true);
    if (more.ok() && *more) {
      raise(SIGKILL);
    }
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(Meta("words_last"), 5'000);
  // The reader goes on where the index ends, the writer completes it.
  const auto reader = Open({.read_only = true});
  EXPECT_EQ(Search(*reader, "etude 4900"), (Answer{{"d4900"}, 1 + 7'000}));
  EXPECT_EQ(Search(*reader, "etude 5100"), (Answer{{"d5100"}, 7'000}));
  EXPECT_THAT(ProblemsOf(*reader), IsEmpty());
  const auto writer = Open();
  EXPECT_EQ(Search(*writer, "etude 5100"), (Answer{{"d5100"}, 1}));
  EXPECT_EQ(Meta("words_last"), 12'000);
  EXPECT_THAT(ProblemsOf(*writer), IsEmpty());
}

TEST_F(SqliteWords, AreIndexedAnewWhenMoreThanAFifthOfTheRowsIsGone) {
  const auto store = Open();
  PutMany(*store, 12'500);
  ASSERT_EQ(Search(*store, "etude 100").visited, 1U);
  PutMany(*store, 2'500);  // a fifth of them again
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, 1}));
  EXPECT_EQ(Meta("words_rows"), 15'000);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  PutMany(*store, 2'501);
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, 1}));
  EXPECT_EQ(Meta("words_rows"), 12'500);
  EXPECT_EQ(Meta("words_last"), 12'500 + 2'500 + 2'501);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(SqliteWords, CutByAnotherRuleAreNotUsedAndCutAgain) {
  {
    const auto store = Open();
    PutMany(*store);
    ASSERT_EQ(Search(*store, "etude 100").visited, 1U);
  }
  RunSql("UPDATE meta SET value = 1 WHERE name = 'words_rule'");
  RunSql("INSERT INTO words(words) VALUES('delete-all')");
  const auto reader = Open({.read_only = true});
  EXPECT_EQ(Search(*reader, "etude 100"), (Answer{{"d100"}, kMany}));
  EXPECT_THAT(ProblemsOf(*reader), IsEmpty());
  const auto writer = Open();
  EXPECT_EQ(Search(*writer, "etude 100"), (Answer{{"d100"}, 1}));
  EXPECT_EQ(Meta("words_rule"), WordsRule());
  EXPECT_THAT(ProblemsOf(*writer), IsEmpty());
}

TEST_F(SqliteWords, AreKeptBesideCompressedVectorsToo) {
  const auto store = Open({.compression = SqliteCompression::kQuantize});
  PutMany(*store);
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, 1}));
  PutMany(*store, 10);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

TEST_F(SqliteWords, AreReadFromTheRecordsInMemory) {
  const auto store = SqliteStore::Open({}, *env_).value();
  PutMany(*store);
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, kMany}));
}

TEST_F(SqliteWords, AreReadFromTheRecordsWhenTheDiskHasNoRoomForAnIndex) {
  PutMany(*Open(), 5'500);
  const std::int64_t pages = Number("PRAGMA page_count");
  const auto store = Open({.max_pages = pages + 2});
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, 5'500}));
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("Word index cannot be used")));
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
  ASSERT_OK(store->Remove({"p", "d200", "m"}, kNow));
}

TEST_F(SqliteWords, OfDamagedRecordsAreNotLeftOutUnnoticed) {
  PutMany(*Open());
  RunSql("UPDATE records SET attributes = '{\"title\":\"Flower\"}' WHERE id = 1200");
  const auto store = Open();
  const std::vector<Filter> filters = {{.column = Column::kWords, .value = "etude"}};
  const auto ignore = [](RowId, const Record&) -> Status { return {}; };
  EXPECT_FAILS(store->VisitFields(filters, ignore), kDataLoss, "row 1200");
  EXPECT_EQ(Meta("words_last"), 1'199);
  EXPECT_FAILS(store->VisitFields(filters, ignore), kDataLoss, "row 1200");
  ASSERT_OK(store->Remove({"p", "d1200", "m"}, kNow));
  EXPECT_EQ(Search(*store, "etude").found.size(), 24U);
}

TEST_F(SqliteWords, MayBeSearchedWhileOthersWrite) {
  const auto store = Open();
  PutMany(*store, 12'000);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      PutMany(*store, 200, 20'001 + i * 200);
    }
    done = true;
  });
  for (std::size_t found = 120; !done;) {
    const std::size_t now = Search(*store, "etude").found.size();
    EXPECT_GE(now, found);
    found = now;
  }
  writer.join();
  EXPECT_EQ(Search(*store, "etude").found.size(), 160U);
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

/// Each kind of damage, and whether it is such that a search notices.
struct Damage {
  const char* sql;
  const char* problem;
  bool noticed;

  friend void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.sql; }
};

class DamagedSqliteWords : public SqliteWords, public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedSqliteWords, AreNamedByVerifyAndNeverServed) {
  {
    const auto store = Open();
    PutMany(*store);
    ASSERT_EQ(Search(*store, "etude 100").visited, 1U);
    ASSERT_OK(store->Close());
  }
  RunSql(GetParam().sql);
  {
    const auto reader = Open({.read_only = true});
    EXPECT_THAT(ProblemsOf(*reader), Contains(HasSubstr(GetParam().problem)));
    if (GetParam().noticed) {
      EXPECT_EQ(Search(*reader, "etude 100"), (Answer{{"d100"}, kMany}));
      EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("Word index cannot be used")));
    }
  }
  const auto writer = Open();
  EXPECT_THAT(ProblemsOf(*writer), Contains(HasSubstr(GetParam().problem)));
  if (GetParam().noticed) {
    EXPECT_EQ(Search(*writer, "etude 100"), (Answer{{"d100"}, kMany}));
    EXPECT_THAT(Search(*writer, "etude 100").found, ElementsAre("d100"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DamagedSqliteWords,
    ::testing::Values(
        Damage{"UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10", "word index",
               true},
        Damage{"DELETE FROM words_data WHERE id > 10", "word index", true},
        Damage{"DELETE FROM words_data WHERE id = 10", "word index", true},
        Damage{"DROP TABLE words; CREATE TABLE words(text)", "table words, the word index", true},
        Damage{"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'words'",
               "table words, the word index", true},
        Damage{"UPDATE meta SET value = 9999 WHERE name = 'words_last'",
               "the newest row there ever was is 2500", true},
        Damage{"INSERT INTO words(words, rowid, text) VALUES('delete', 7, 'flower')",
               "row 7 of table records has other words", false},
        Damage{"INSERT INTO words(rowid, text) VALUES(8, 'more')",
               "row 8 of table records has other words", false},
        Damage{"INSERT INTO words(rowid, text) VALUES(2501, 'flower more')",
               "2 words of rows that it does not go up to", false},
        Damage{"UPDATE meta SET value = 2400 WHERE name = 'words_last'",
               "words of rows that it does not go up to", false}));

TEST_F(SqliteWords, DamagedIndexIsMadeAnew) {
  {
    const auto store = Open();
    PutMany(*store);
    ASSERT_EQ(Search(*store, "etude 100").visited, 1U);
    ASSERT_OK(store->Close());
  }
  RunSql("UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10");
  const auto store = Open();
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, kMany}));
  EXPECT_EQ(Search(*store, "etude 100"), (Answer{{"d100"}, 1}));
  EXPECT_THAT(ProblemsOf(*store), IsEmpty());
}

}  // namespace
}  // namespace embeddingsdb
