// SPDX-License-Identifier: BSD-3-Clause
//
// compression=quantize|matroyshka of sqlite://, held against a comparison of every vector that is
// written here anew.
#include "engines/sqlite/sqlite_compression.h"

#include <array>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "engines/sqlite/sqlite_store.h"
#include "support/temp_dir.h"
#include "support/test_context.h"
#include "unit/sqlite_go_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

double Hamming(const std::vector<float>& a, const std::vector<float>& b) {
  int different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different += (a[i] > 0) != (b[i] > 0) ? 1 : 0;
  }
  return different;
}

/// The first 512 elements, brought to length 1.
std::vector<float> Slice(const std::vector<float>& vector) {
  const std::size_t size = std::min<std::size_t>(vector.size(), 512);
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += std::pow(static_cast<double>(vector[i]), 2);
  }
  std::vector<float> slice(size);
  for (std::size_t i = 0; i < size; ++i) {
    slice[i] = static_cast<float>(static_cast<double>(vector[i]) / (sum > 0 ? std::sqrt(sum) : 1));
  }
  return slice;
}

double SliceDistance(const std::vector<float>& a, const std::vector<float>& b) {
  const std::vector<float> slice_a = Slice(a);
  const std::vector<float> slice_b = Slice(b);
  double sum = 0;
  for (std::size_t i = 0; i < slice_a.size(); ++i) {
    sum += std::pow(static_cast<double>(slice_a[i]) - static_cast<double>(slice_b[i]), 2);
  }
  return std::sqrt(sum);
}

struct Mode {
  std::string name;
  double (*distance)(const std::vector<float>&, const std::vector<float>&);
  int dimension;  ///< no whole number of bytes; more than the slice
};

class SqliteCompressionTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Database>> TryOpen(const std::string& options) {
    database_.reset();
    return test_.Open("sqlite://?dsn=" + path_ + options);
  }
  void Open(const std::string& options = "") {
    Result<std::unique_ptr<Database>> opened = TryOpen(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }
  std::vector<std::string> Problems() { return database_->Verify().value().problems; }
  std::vector<std::string> Ids(const SimilarQuery& query) {
    std::vector<std::string> ids;
    const auto found = database_->Similar(query);
    EXPECT_OK(found);
    for (const SimilarRecord& record : found.value()) {
      ids.push_back(record.key.provider + "/" + record.key.depiction_id);
    }
    return ids;
  }
  /// What any other program could do to the file.
  void RunSql(const std::string& sql) {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &connection), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close_v2(connection);
  }

  TempDir dir_;
  std::string path_ = dir_.File("compressed.db");
  TestContext test_;
  std::unique_ptr<Database> database_;
};

/// The same questions for each compression.
class SqliteCompressedSearchTest : public SqliteCompressionTest,
                                   public ::testing::WithParamInterface<Mode> {
 protected:
  void SetUp() override { Open("&compression=" + GetParam().name); }

  /// Adds records of a provider to those of the test, some of another model.
  void Fill(const std::string& provider, int count) {
    std::vector<Record> batch;
    for (int i = 0; i < count; ++i) {
      batch.push_back(MakeRecord(provider, Concat("d", i), i % 10 == 9 ? "other" : "m",
                                 RandomVector(random_, GetParam().dimension)));
    }
    ASSERT_OK(database_->AddBatch(batch));
    records_.insert(records_.end(), batch.begin(), batch.end());
  }

  /// The right answer, from the records alone.
  std::vector<SimilarRecord> Truth(const SimilarQuery& query) const {
    std::vector<SimilarRecord> answer;
    for (const Record& record : records_) {
      const bool excluded =
          std::count(query.exclude.begin(), query.exclude.end(), record.key.depiction_id) > 0 ||
          query.exclude_record == record.key;
      if (record.key.model != query.model || excluded ||
          (query.provider && *query.provider != record.key.provider)) {
        continue;
      }
      const auto distance =
          static_cast<float>(GetParam().distance(query.embedding, record.embedding));
      if (!query.max_distance || *query.max_distance <= 0 || distance <= *query.max_distance) {
        answer.push_back({record.key, record.subject_id, distance, record.attributes});
      }
    }
    std::sort(answer.begin(), answer.end(), [](const SimilarRecord& a, const SimilarRecord& b) {
      return std::tie(a.distance, a.key) < std::tie(b.distance, b.key);
    });
    answer.resize(std::min(answer.size(), static_cast<std::size_t>(query.k.value_or(10))));
    return answer;
  }

  void ExpectTruth(const SimilarQuery& query) {
    const auto found = database_->Similar(query);
    ASSERT_OK(found);
    const std::vector<SimilarRecord> truth = Truth(query);
    ASSERT_EQ(found->size(), truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      EXPECT_EQ((*found)[i].key, truth[i].key) << "at place " << i;
      EXPECT_EQ((*found)[i].distance, truth[i].distance);
      EXPECT_EQ((*found)[i].subject_id, truth[i].subject_id);
      EXPECT_EQ((*found)[i].attributes, truth[i].attributes);
    }
  }

  SimilarQuery Query() {
    return {.model = "m",
            .embedding = RandomVector(random_, GetParam().dimension),
            .max_distance = 0.0F};
  }

  std::mt19937_64 random_{TestSeed()};
  std::vector<Record> records_;
};

INSTANTIATE_TEST_SUITE_P(Compressions, SqliteCompressedSearchTest,
                         ::testing::Values(Mode{"quantize", Hamming, 60},
                                           Mode{"matroyshka", SliceDistance, 600}),
                         [](const auto& mode) { return mode.param.name; });

TEST_P(SqliteCompressedSearchTest, AnswersAreThoseOfComparingEveryVector) {
  Fill("met", 700);
  Fill("tate", 300);
  for (const int k : {1, 10, 500, 1'000}) {
    SimilarQuery query = Query();
    query.k = k;
    ExpectTruth(query);
  }
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(SqliteCompressedSearchTest, AProviderOfOnePerCentIsFoundWhole) {
  Fill("met", 990);
  Fill("rare", 10);
  SimilarQuery query = Query();
  query.provider = "rare";
  ExpectTruth(query);
  query.k = 3;
  ExpectTruth(query);
  query.provider = "nobody";
  EXPECT_THAT(Ids(query), IsEmpty());
}

TEST_P(SqliteCompressedSearchTest, MoreThanKOfTheNearestMayBeExcluded) {
  Fill("met", 600);
  Fill("tate", 600);
  SimilarQuery query = Query();
  query.k = 300;
  for (const SimilarRecord& nearest : Truth(query)) {
    query.exclude.push_back(nearest.key.depiction_id);
  }
  query.k = 5;
  ExpectTruth(query);
  query.provider = "tate";
  ExpectTruth(query);
  query.exclude_record = Truth(query).front().key;
  ExpectTruth(query);
}

TEST_P(SqliteCompressedSearchTest, TheDistanceLimitIsInclusiveAndPartOfTheSearch) {
  Fill("met", 300);
  SimilarQuery query = Query();
  query.k = 20;
  query.max_distance = database_->Similar(query).value()[7].distance;
  const std::vector<SimilarRecord> found = database_->Similar(query).value();
  EXPECT_GE(found.size(), 8U);
  EXPECT_LE(found.back().distance, *query.max_distance);
  query.max_distance = 1e-9F;
  EXPECT_THAT(Ids(query), IsEmpty());
}

TEST_P(SqliteCompressedSearchTest, ModelsAreSearchedByThemselves) {
  Fill("met", 300);
  SimilarQuery query = Query();
  query.model = "other";
  query.k = 1'000;
  EXPECT_EQ(Ids(query).size(), 30U);
  ExpectTruth(query);
  query.model = "absent";
  EXPECT_THAT(Ids(query), IsEmpty());
  query.model = "m";
  query.embedding.pop_back();
  EXPECT_FAILS(database_->Similar(query), kInvalidArgument, "elements");
}

TEST_P(SqliteCompressedSearchTest, FollowsReplacingRemovingAndReopening) {
  Fill("met", 300);
  SimilarQuery query = Query();
  query.k = 50;
  for (std::size_t i = 0; i < records_.size(); i += 3) {
    records_[i].embedding = RandomVector(random_, GetParam().dimension);
    ASSERT_OK(database_->Add(records_[i]));
  }
  ExpectTruth(query);
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(database_->Remove(records_.back().key));
    records_.pop_back();
  }
  ExpectTruth(query);
  ASSERT_OK(database_->Close());
  Open();  // the file knows its compression
  ExpectTruth(query);
  EXPECT_THAT(Problems(), IsEmpty());
  const auto reader = test_.Open("sqlite://?dsn=" + path_ + "&read-only=true").value();
  EXPECT_EQ(reader->Similar(query).value(), database_->Similar(query).value());
  EXPECT_TRUE(reader->Verify().value().problems.empty());
}

TEST_P(SqliteCompressedSearchTest, AnEmptiedModelMayTakeAnotherLength) {
  for (const int dimension : {3, 40, 3, 700}) {
    const Record record =
        MakeRecord("p", "d", "m", std::vector<float>(static_cast<std::size_t>(dimension), 1));
    ASSERT_OK(database_->Add(record));
    EXPECT_THAT(Ids({.model = "m", .embedding = record.embedding}), ElementsAre("p/d"));
    EXPECT_THAT(Problems(), IsEmpty());
    ASSERT_OK(database_->Remove(record.key));
    EXPECT_THAT(Ids({.model = "m", .embedding = record.embedding}), IsEmpty());
  }
}

TEST_P(SqliteCompressedSearchTest, EqualDistancesAreOrderedByKeyHoweverManyThereAre) {
  // More than sqlite-vec gives at once, in an order that is not that of the keys.
  std::vector<Record> batch;
  for (int i = 0; i < 4'500; ++i) {
    batch.push_back(MakeRecord(i % 2 == 0 ? "b" : "a", Concat("d", 99'999 - i), "m", {1, 2, 3}));
  }
  ASSERT_OK(database_->AddBatch(batch));
  ASSERT_OK(database_->Add(MakeRecord("z", "near", "m", {1, 1, -1})));
  SimilarQuery query = {.model = "m", .embedding = {1, 1, -1}, .k = 3, .max_distance = 0.0F};
  EXPECT_THAT(Ids(query), ElementsAre("z/near", "a/d95500", "a/d95502"));
  query.exclude = {"d95500"};
  EXPECT_THAT(Ids(query), ElementsAre("z/near", "a/d95502", "a/d95504"));
  query.provider = "b";
  EXPECT_THAT(Ids(query), ElementsAre("b/d95501", "b/d95503", "b/d95505"));
}

TEST_P(SqliteCompressedSearchTest, RecordsKeepTheirWholeVectors) {
  std::vector<float> vector = RandomVector(random_, kMaxDimension);
  vector[1] = -0.0F;
  vector[2] = 1e-40F;
  vector[3] = std::numeric_limits<float>::max();
  const Record record = MakeRecord("p", "d", "long", vector);
  ASSERT_OK(database_->Add(record));
  EXPECT_TRUE(database_->Get(record.key).value() == record);
  EXPECT_EQ(database_->Similar({.model = "long", .embedding = vector}).value()[0].distance, 0.0F);
}

TEST_P(SqliteCompressedSearchTest, AnAllZeroVectorIsComparedLikeAnyOther) {
  ASSERT_OK(database_->Add(MakeRecord("p", "zero", "m", {0, 0, 0})));
  ASSERT_OK(database_->Add(MakeRecord("p", "one", "m", {1, 0, 0})));
  const auto found =
      database_->Similar({.model = "m", .embedding = {0, 0, 0}, .max_distance = 0.0F}).value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].distance, 0.0F);
  EXPECT_EQ(found[1].distance, 1.0F);
}

TEST_P(SqliteCompressedSearchTest, WorksInMemory) {
  database_ = test_.Open("sqlite://?dsn=:memory:&compression=" + GetParam().name).value();
  Fill("met", 200);
  ExpectTruth(Query());
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(SqliteCompressedSearchTest, CodesAndRecordsAgreeAfterAKill) {
  database_.reset();
  for (int round = 0; round < 3; ++round) {
    std::array<int, 2> ready{};
    ASSERT_EQ(pipe(ready.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
      TestContext test;
      auto database = test.Open("sqlite://?dsn=" + path_);
      for (int i = 0; database.ok(); ++i) {
        const std::string id = Concat("d", i % 7);
        const bool done = i % 3 == 2 ? (*database)->Remove({"p", id, "m"}).ok()
                                     : (*database)->Add(MakeRecord("p", id, "m", {1, 2, 3})).ok();
        if (!done || write(ready[1], "x", 1) != 1) {
          break;
        }
      }
      _exit(1);
    }
    std::array<char, 20> written{};
    ASSERT_GT(read(ready[0], written.data(), 1), 0);
    usleep(20'000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
    Open();
    EXPECT_THAT(Problems(), IsEmpty());
    database_.reset();
  }
}

TEST_F(SqliteCompressionTest, CodesOfBitsAreThoseOfSqliteVec) {
  const std::vector<float> vector = {1, 0, -1, 2, -0.0F, 3, -4, 1e-40F, 5, -6, -7, 8, 9, -1, 0, 1};
  const std::vector<std::byte> code = MakeCode(SqliteCompression::kQuantize, vector);
  ASSERT_OK(UseSqliteVec());
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &connection), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(
      sqlite3_prepare_v2(connection, "SELECT vec_quantize_binary(?) = ?", -1, &statement, nullptr),
      SQLITE_OK);
  sqlite3_bind_blob(statement, 1, vector.data(), 16 * sizeof(float), nullptr);
  sqlite3_bind_blob(statement, 2, code.data(), static_cast<int>(code.size()), nullptr);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 1);
  sqlite3_finalize(statement);
  sqlite3_close_v2(connection);
}

TEST_F(SqliteCompressionTest, TheFileKeepsItsCompression) {
  Open("&compression=quantized");
  EXPECT_FALSE(database_->capabilities().exact);
  EXPECT_OK(TryOpen("&compression=quantize"));
  EXPECT_OK(TryOpen(""));
  EXPECT_FAILS(TryOpen("&compression=none"), kFailedPrecondition,
               "was made with compression=quantize, not none; leave the option out");
  EXPECT_FAILS(TryOpen("&compression=matroyshka&read-only=true"), kFailedPrecondition,
               "compression=quantize, not matroyshka");
  RunSql("UPDATE meta SET value = 9 WHERE name = 'compression'");
  EXPECT_FAILS(TryOpen(""), kFailedPrecondition, "compression number 9");
}

TEST_F(SqliteCompressionTest, AFileWithoutCompressionStaysOne) {
  Open("");
  EXPECT_TRUE(database_->capabilities().exact);
  EXPECT_FAILS(TryOpen("&compression=matroyshka"), kFailedPrecondition, "compression=none");
  EXPECT_OK(TryOpen("&compression=none&index=hnsw&metric=cosine"));
}

TEST_F(SqliteCompressionTest, OptionsThatItLeavesNoRoomForAreRefusedByName) {
  EXPECT_FAILS(TryOpen("&compression=quantize&index=hnsw"), kInvalidArgument,
               "index=hnsw cannot be combined with compression=quantize");
  EXPECT_FAILS(TryOpen("&compression=matroyshka&metric=cosine"), kInvalidArgument, "\"cosine\"");
  EXPECT_FALSE(test_.env->Exists(path_));
  Open("&compression=quantize&index=exact");
  EXPECT_FAILS(TryOpen("&index=hnsw"), kInvalidArgument, "index=hnsw");
  EXPECT_FAILS(TryOpen("&metric=ip"), kInvalidArgument, "\"ip\"");
}

TEST_F(SqliteCompressionTest, BitsAreNotLimitedToADistanceOfOneUnlessTheUriSaysSo) {
  Open("&compression=quantize");
  ASSERT_OK(database_->Add(MakeRecord("p", "far", "m", {1, 1, 1, 1})));
  const SimilarQuery query = {.model = "m", .embedding = {-1, -1, -1, 1}};
  EXPECT_EQ(database_->Similar(query).value().at(0).distance, 3.0F);
  Open("&max-distance=2");
  EXPECT_THAT(Ids(query), IsEmpty());
  Open("&max-distance=3");
  EXPECT_THAT(Ids(query), ElementsAre("p/far"));
}

TEST_F(SqliteCompressionTest, AFailedWriteLeavesCodesAndRecordsAsTheyWere) {
  Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::Open(
      {.path = path_, .compression = SqliteCompression::kMatroyshka, .max_pages = 60}, *test_.env);
  ASSERT_OK(opened);
  std::vector<Record> batch;
  std::vector<const Record*> pointers;
  for (int i = 0; i < 1'000; ++i) {
    batch.push_back(MakeRecord("p", Concat("d", i), "m", std::vector<float>(512, 1)));
  }
  for (const Record& record : batch) {
    pointers.push_back(&record);
  }
  EXPECT_FAILS((*opened)->Put(pointers, 1), kResourceExhausted, "full");
  // The model's table went with the transaction.
  EXPECT_OK((*opened)->Put(std::span(pointers).first(1), 1));
  std::vector<std::string> problems;
  EXPECT_OK((*opened)->CheckFiles(problems));
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ((*opened)->Count({}).value(), 1);
}

TEST_F(SqliteCompressionTest, VerifyTellsWhichCodesAreNotThoseOfTheirRecords) {
  Open("&compression=quantize");
  for (const char* id : {"a", "b", "c", "d"}) {
    ASSERT_OK(database_->Add(MakeRecord("p", id, "m", {1, -1, 1, -1, 1, -1, 1, -1})));
  }
  ASSERT_OK(database_->Add(MakeRecord("q", "e", "m", {1, -1, 1, -1, 1, -1, 1, -1})));
  database_.reset();
  RunSql(
      "DELETE FROM compressed_1 WHERE rowid = 1;"
      "DELETE FROM compressed_1 WHERE rowid = 2;"
      "INSERT INTO compressed_1(rowid, code) VALUES(2, vec_bit(x'ff')), (77, vec_bit(x'55'))");
  Open();
  EXPECT_THAT(Problems(),
              ElementsAre(HasSubstr("row 1 of model \"m\" has no code in compressed_1"),
                          HasSubstr("row 2 of model \"m\" has the code of another vector"),
                          HasSubstr("has 1 codes without a record")));
  EXPECT_FAILS(database_->Similar({.model = "m", .embedding = std::vector<float>(8, 1)}), kDataLoss,
               "row 77 of table compressed_1 has no record");
  database_.reset();
  RunSql("DROP TABLE compressed_1");
  Open();
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("compressed_1 of model \"m\" cannot be read")));
}

TEST_F(SqliteCompressionTest, AGoFileOfBitsIsSearchedByBits) {
  {
    GoFile file(path_, "quantize", 8);
    file.Add(MakeRecord("p", "near", "m", {1, 1, 1, 1, -1, -1, -1, -1}), 1);
    file.Add(MakeRecord("p", "far", "m", {-1, -1, 1, 1, -1, -1, -1, -1}), 1);
  }
  Open();
  const SimilarQuery query = {.model = "m", .embedding = {9, 8, 7, 6, -5, -4, -3, 2}};
  const auto found = database_->Similar(query).value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].key.depiction_id, "near");
  EXPECT_EQ(found[0].distance, 1.0F);
  EXPECT_EQ(found[1].distance, 3.0F);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(SqliteCompressionTest, AGoFileIsGivenTheCompressionOfTheUri) {
  {
    GoFile file(path_, "quantize", 8);
    file.Add(MakeRecord("p", "d", "m", {1, 1, 1, 1, -1, -1, -1, -1}), 1);
  }
  Open("&compression=none");
  EXPECT_TRUE(database_->capabilities().exact);
}

}  // namespace
}  // namespace embeddingsdb
