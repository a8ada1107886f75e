// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_go_file.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "support/temp_dir.h"
#include "support/test_context.h"
#include "unit/sqlite_go_fixture.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kModified = 1'750'000'000;

class SqliteGoFileTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Database>> Open(const std::string& options = "") {
    return test_.Open("sqlite://?dsn=" + path_ + options);
  }
  static std::string ReadWhole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }
  /// The file cannot be opened, and it is what it was, with no other database beside it.
  void ExpectRefused(StatusCode code, const std::string& text, const std::string& options = "") {
    const std::string before = ReadWhole(path_);
    const Status status = Open(options).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_NE(status.message().find(text), std::string::npos) << status;
    EXPECT_TRUE(ReadWhole(path_) == before);
    EXPECT_FALSE(std::filesystem::exists(path_ + ".converting"));
  }

  TempDir dir_;
  std::string path_ = dir_.File("go.db");
  std::string kept_ = path_ + std::string(kGoFileKeptAs);
  TestContext test_;
};

/// Records of two providers and two models with vectors of this length.
std::vector<Record> Records(int count, int dimension) {
  std::mt19937_64 random(TestSeed());
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    records.push_back(MakeRecord(i % 3 == 0 ? "tate" : "met", Concat("d", i),
                                 i % 2 == 0 ? "clip" : "dino", RandomVector(random, dimension)));
    records.back().created = 1'600'000'000 + i;
  }
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return a.key < b.key; });
  return records;
}

void AddAll(GoFile& file, const std::vector<Record>& records) {
  std::int64_t time = kModified;
  for (const Record& record : records) {
    file.Add(record, time++);
  }
}

TEST_F(SqliteGoFileTest, ConvertsAllRecordsAndKeepsTheOriginal) {
  // More than one batch, and more than one chunk of vec0.
  const std::vector<Record> records = Records(2'500, 8);
  {
    GoFile file(path_, "none", 8);
    AddAll(file, records);
  }
  const std::string original = ReadWhole(path_);
  const auto database = Open("&dimensions=8").value();
  EXPECT_TRUE(ScanAll(*database).value() == records);
  EXPECT_EQ(database->LastUpdate().value(), kModified + 2'499);
  EXPECT_TRUE(database->Verify().value().problems.empty());
  EXPECT_THAT(database->Models({}).value(), ElementsAre("clip", "dino"));
  EXPECT_TRUE(ReadWhole(kept_) == original);
  EXPECT_THAT(Names(), UnorderedElementsAre("go.db", "go.db.go-embeddingsdb", "go.db-lock",
                                            "go.db-wal", "go.db-shm"));
  EXPECT_TRUE(test_.log.Contains("records=2500 models=2 dimension=8 compression=none"));
  EXPECT_TRUE(test_.log.Contains("original=" + kept_));
}

TEST_F(SqliteGoFileTest, AConvertedFileIsOpenedAsItIs) {
  {
    GoFile file(path_, "none", 4);
    AddAll(file, Records(3, 4));
  }
  ASSERT_OK(Open().value()->Add(MakeRecord("new", "d", "clip", {1, 2, 3, 4})));
  const auto database = Open().value();
  EXPECT_EQ(database->Count({}).value(), 4);
  EXPECT_EQ(test_.log.lines().size(), 1U);
}

TEST_F(SqliteGoFileTest, BitsComeBackInTheirOrderAsSigns) {
  // go-embeddingsdb itself reads them reversed within each byte.
  std::vector<float> vector(16, -0.5F);
  vector[0] = 0.25F;
  vector[1] = 0.0F;
  vector[3] = 7.0F;
  vector[15] = 1e-40F;
  {
    GoFile file(path_, "quantize", 16);
    AddAll(file, {MakeRecord("p", "d", "m", vector)});
  }
  const auto database = Open().value();
  std::vector<float> signs(16, -1.0F);
  signs[0] = signs[3] = signs[15] = 1.0F;
  EXPECT_EQ(database->Get({"p", "d", "m"}).value().embedding, signs);
  EXPECT_TRUE(test_.log.Contains("dimension=16 compression=quantize"));
  EXPECT_TRUE(test_.log.Contains("only their signs"));
}

TEST_F(SqliteGoFileTest, MatroyshkaVectorsAreTheSlicesThatWereKept) {
  const std::vector<Record> records = Records(3, 768);
  {
    GoFile file(path_, "matroyshka", 512);
    AddAll(file, records);
  }
  const auto database = Open().value();
  const std::vector<float> slice = database->Get(records[1].key).value().embedding;
  ASSERT_EQ(slice.size(), 512U);
  double length = 0;
  for (std::size_t i = 0; i < slice.size(); ++i) {
    length += std::pow(static_cast<double>(records[1].embedding[i]), 2);
  }
  for (std::size_t i = 0; i < slice.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(slice[i]),
                static_cast<double>(records[1].embedding[i]) / std::sqrt(length), 1e-6);
  }
  EXPECT_TRUE(test_.log.Contains("dimension=512 compression=\"none or matroyshka\""));
}

TEST_F(SqliteGoFileTest, ReadsFilesOfOlderAndLargerShape) {
  // sqlite-vec before 0.1.4 had no table of facts; chunks of 8,192 floats are 32 MiB.
  const std::vector<Record> records = Records(2, 8'192);
  {
    GoFile file(path_, "none", 8'192);
    AddAll(file, records);
    file.Run("DROP TABLE vec_info");
  }
  EXPECT_TRUE(ScanAll(*Open().value()).value() == records);
}

TEST_F(SqliteGoFileTest, AnEmptyDatabaseIsConvertedToo) {
  {
    const GoFile file(path_, "none", 512);
  }
  const auto database = Open().value();
  EXPECT_EQ(database->Count({}).value(), 0);
  EXPECT_TRUE(std::filesystem::exists(kept_));
}

TEST_F(SqliteGoFileTest, LeavesOutRowsThatAreNoRecordsAndSaysWhich) {
  std::vector<Record> records = Records(4, 4);
  records[2].key.provider = "";
  {
    GoFile file(path_, "none", 4);
    AddAll(file, records);
    file.Run(
        "DELETE FROM vec WHERE rowid = 1900000000000000001;"
        "INSERT INTO vec(rowid, embedding) VALUES(77, '[1,2,3,4]');"
        "INSERT INTO records SELECT 5, 'p', 'null-times', '', 'clip', 'null', NULL, 1;"
        "INSERT INTO records SELECT 6, 'p', 'no-json', '', 'clip', '[', 1, 1");
  }
  const auto database = Open().value();
  EXPECT_TRUE(ScanAll(*database).value() == (std::vector<Record>{records[0], records[3]}));
  EXPECT_TRUE(test_.log.Contains("id=1900000000000000001 error=\"it has no vector in table vec\""));
  EXPECT_TRUE(test_.log.Contains("id=1900000000000000002 error=\"provider"));
  EXPECT_TRUE(test_.log.Contains("id=5 error=\"created or lastmodified is no integer\""));
  EXPECT_TRUE(test_.log.Contains("id=6 error="));
  EXPECT_TRUE(test_.log.Contains("rows=4"));
  EXPECT_TRUE(test_.log.Contains("vectors=1"));
}

TEST_F(SqliteGoFileTest, AFileWithoutASingleRecordIsRefused) {
  std::vector<Record> records = Records(1, 4);
  records[0].key.model = "";
  {
    GoFile file(path_, "none", 4);
    AddAll(file, records);
  }
  ExpectRefused(StatusCode::kDataLoss, "none of its 1 rows is a valid record");
  EXPECT_FALSE(std::filesystem::exists(kept_));
}

TEST_F(SqliteGoFileTest, OfRowsWithOneKeyTheLastStays) {
  const Record first = MakeRecord("p", "d", "m", {1, 2});
  const Record second = MakeRecord("p", "d", "m", {3, 4});
  {
    GoFile file(path_, "none", 2);
    file.Run("DROP INDEX id_model");
    AddAll(file, {first, second});
  }
  EXPECT_EQ(Open().value()->Get(first.key).value(), second);
  EXPECT_TRUE(test_.log.Contains("Of rows with the same key"));
}

TEST_F(SqliteGoFileTest, NobodyElseMayReadAPrivateFileAfterwards) {
  {
    GoFile file(path_, "none", 4);
    AddAll(file, Records(1, 4));
  }
  constexpr auto kPrivate =
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(path_, kPrivate);
  const auto database = Open().value();
  EXPECT_EQ(std::filesystem::status(path_).permissions(), kPrivate);
  EXPECT_EQ(std::filesystem::status(kept_).permissions(), kPrivate);
}

TEST_F(SqliteGoFileTest, ReadOnlyIsRefusedWithTheWayToConvert) {
  {
    GoFile file(path_, "none", 4);
    AddAll(file, Records(1, 4));
  }
  ExpectRefused(StatusCode::kFailedPrecondition, "open it once without read-only=true",
                "&read-only=true");
  EXPECT_THAT(Names(), ElementsAre("go.db"));
}

TEST_F(SqliteGoFileTest, FilesThatAreNotQuiteGoEmbeddingsdbsAreRefusedByName) {
  {
    GoFile file(path_, "none", 4);
    file.Run("ALTER TABLE records DROP COLUMN subject_id");
  }
  ExpectRefused(StatusCode::kFailedPrecondition, "no such column: r.subject_id");
  std::filesystem::remove(path_);
  {
    GoFile file(path_, "none", 4);
    file.Run("DROP TABLE vec; CREATE TABLE vec(embedding BLOB)");
  }
  ExpectRefused(StatusCode::kFailedPrecondition, "its table vec is no vec0 table");
  std::filesystem::remove(path_);
  {
    GoFile file(path_, "none", 4);
    file.Run(
        "DROP TABLE vec; CREATE VIRTUAL TABLE vec USING vec0(embedding int8[4]);"
        "INSERT INTO vec(rowid, embedding) VALUES(1, vec_int8('[1,2,3,4]'))");
  }
  ExpectRefused(StatusCode::kFailedPrecondition, "its vectors are \"int8\"");
  std::filesystem::remove(path_);
  {
    GoFile file(path_, "none", 4);
    file.Run("DROP TABLE vec");
  }
  ExpectRefused(StatusCode::kFailedPrecondition, "the SQLite database of another program");
}

TEST_F(SqliteGoFileTest, AFileInWalModeIsRefusedWithTheWayOut) {
  {
    GoFile file(path_, "none", 4);
    AddAll(file, Records(1, 4));
    file.Run("PRAGMA journal_mode = WAL");
  }
  ExpectRefused(StatusCode::kFailedPrecondition, "PRAGMA journal_mode = DELETE");
}

TEST_F(SqliteGoFileTest, DamageIsReportedAndNothingIsChanged) {
  {
    GoFile file(path_, "none", 64);
    AddAll(file, Records(500, 64));
    // Torn off, as SQLite itself would never do.
    file.Run("UPDATE vec_vector_chunks00 SET vectors = x'00'");
  }
  ExpectRefused(StatusCode::kDataLoss, "which is left as it is");
  EXPECT_FALSE(std::filesystem::exists(kept_));
  std::filesystem::remove(path_);
  {
    GoFile file(path_, "none", 64);
    AddAll(file, Records(500, 64));
  }
  std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out).seekp(3 * 4'096)
      << std::string(8'192, '\xff');
  ExpectRefused(StatusCode::kDataLoss, "go.db");
  EXPECT_FALSE(std::filesystem::exists(kept_));
}

TEST_F(SqliteGoFileTest, AFileThatOthersWriteIsRefused) {
  GoFile file(path_, "none", 4);
  AddAll(file, Records(1, 4));
  file.Run("BEGIN IMMEDIATE; UPDATE records SET subject_id = 's'");
  ExpectRefused(StatusCode::kUnavailable, "others must not write");
}

TEST_F(SqliteGoFileTest, AnotherFileOfTheOriginalsNameIsNotOverwritten) {
  {
    GoFile file(path_, "none", 4);
    AddAll(file, Records(1, 4));
  }
  std::ofstream(kept_) << "precious";
  ExpectRefused(StatusCode::kFailedPrecondition, "which exists; move it");
  EXPECT_EQ(ReadWhole(kept_), "precious");
}

TEST_F(SqliteGoFileTest, AKilledConversionIsMadeAgain) {
  const std::vector<Record> records = Records(5, 4);
  {
    GoFile file(path_, "none", 4);
    AddAll(file, records);
  }
  // As it is left between the two names, and with a half-written database.
  std::filesystem::create_hard_link(path_, kept_);
  std::ofstream(path_ + ".converting") << "half";
  std::ofstream(path_ + ".converting-wal") << "half";
  EXPECT_TRUE(ScanAll(*Open().value()).value() == records);
  EXPECT_TRUE(std::filesystem::exists(kept_));
  EXPECT_FALSE(std::filesystem::equivalent(path_, kept_));
}

}  // namespace
}  // namespace embeddingsdb
