// SPDX-License-Identifier: BSD-3-Clause
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "embeddingsdb/parquet.h"

#include "support/parquet_files.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A file with one row, whose columns are replaced or dropped by the tests.
constexpr const char* kRow =
    "'p' AS provider, 'd' AS depiction_id, 's' AS subject_id, 'm' AS model, "
    "[1, 2]::FLOAT[] AS embeddings, 7::BIGINT AS created, MAP {'k': 'v'} AS attributes";

Record ExpectedRow() {
  Record record = MakeRecord("p", "d", "m", {1, 2});
  record.subject_id = "s";
  record.created = 7;
  record.attributes = {{"k", "v"}};
  return record;
}

class ParquetReaderTest : public ::testing::Test {
 protected:
  /// Writes the file with DuckDB: optional columns, its own root name, page and column layout.
  void Copy(const std::string& query, const std::string& options = "FORMAT parquet") {
    ASSERT_OK(sql_.Execute("COPY (" + query + ") TO '" + path_ + "' (" + options + ")"));
  }
  /// kRow with one column changed: "x AS created", or dropped: EXCLUDE.
  void CopyReplacing(const std::string& replacement) {
    Copy("SELECT * REPLACE (" + replacement + ") FROM (SELECT " + kRow + ")");
  }
  void CopyWithout(const std::string& column) {
    Copy("SELECT * EXCLUDE (" + column + ") FROM (SELECT " + kRow + ")");
  }
  Result<std::vector<Record>> Read() { return ReadParquet(path_); }

  const TempDir dir_;
  const std::string path_ = dir_.File("a.parquet");
  Sql sql_;
};

TEST_F(ParquetReaderTest, ReadsWhatDuckDbWrites) {
  Copy(std::string("SELECT ") + kRow);
  const auto records = Read();
  ASSERT_OK(records);
  EXPECT_THAT(*records, ElementsAre(ExpectedRow()));
}

TEST_F(ParquetReaderTest, ReadsEveryRowAcrossRowGroupsAndCodecsInFileOrder) {
  const std::string query =
      "SELECT 'p' || i % 3 AS provider, i::VARCHAR AS depiction_id, NULL::VARCHAR AS subject_id, "
      "'m' AS model, [i, i + 0.5, i * i]::FLOAT[] AS embeddings, i AS created, "
      "CASE WHEN i % 2 = 0 THEN MAP {'n': i::VARCHAR, 'same': 'x'} END AS attributes "
      "FROM range(4500) t(i)";
  for (const char* options :
       {"COMPRESSION zstd", "COMPRESSION snappy", "COMPRESSION gzip", "COMPRESSION lz4_raw",
        "COMPRESSION uncompressed, PARQUET_VERSION V2"}) {
    Copy(query, std::string("FORMAT parquet, ROW_GROUP_SIZE 2048, ") + options);
    const auto records = Read();
    ASSERT_OK(records);
    ASSERT_EQ(records->size(), 4500U) << options;
    for (std::size_t i = 0; i < records->size(); ++i) {
      const auto number = static_cast<float>(i);
      Record expected = MakeRecord("p" + std::to_string(i % 3), std::to_string(i), "m",
                                   {number, number + 0.5F, number * number});
      expected.subject_id.clear();
      expected.created = static_cast<std::int64_t>(i);
      expected.attributes.clear();
      if (i % 2 == 0) {
        expected.attributes = {{"n", std::to_string(i)}, {"same", "x"}};
      }
      ASSERT_EQ((*records)[i], expected) << options << ", row " << i;
    }
  }
}

TEST_F(ParquetReaderTest, TellsRowsAndMetadata) {
  Copy(std::string("SELECT ") + kRow + " FROM range(3)",
       "FORMAT parquet, KV_METADATA {licence: 'CC0', \"embeddingsdb:models\": 'm'}");
  const auto reader = ParquetReader::Open(path_);
  ASSERT_OK(reader);
  EXPECT_EQ((*reader)->rows(), 3);
  EXPECT_EQ((*reader)->metadata().at("licence"), "CC0");
  EXPECT_EQ((*reader)->metadata().at("embeddingsdb:models"), "m");
}

TEST_F(ParquetReaderTest, MissingOptionalColumnsAndNullsReadAsEmpty) {
  Record expected = MakeRecord("p", "d", "m", {1, 2});
  expected.subject_id.clear();
  expected.created = 0;
  expected.attributes.clear();
  CopyWithout("subject_id, created, attributes");
  auto records = Read();
  ASSERT_OK(records);
  EXPECT_THAT(*records, ElementsAre(expected));
  CopyReplacing(
      "NULL::VARCHAR AS subject_id, NULL::BIGINT AS created, "
      "NULL::MAP(VARCHAR, VARCHAR) AS attributes");
  records = Read();
  ASSERT_OK(records);
  EXPECT_THAT(*records, ElementsAre(expected));
}

TEST_F(ParquetReaderTest, IgnoresExtraColumnsAndTheirOrder) {
  Copy(
      "SELECT MAP {'k': 'v'} AS attributes, 'x' AS extra, [1, 2]::FLOAT[] AS embeddings, "
      "'m' AS model, 's' AS subject_id, 7::UTINYINT AS created, 'd' AS depiction_id, "
      "DATE '2020-01-01' AS \"date\", 'p' AS provider");
  const auto records = Read();
  ASSERT_OK(records);
  EXPECT_THAT(*records, ElementsAre(ExpectedRow()));
}

TEST_F(ParquetReaderTest, ReadsDoublesArraysIntegersAndJson) {
  for (const char* replacement :
       {"[1, 2]::DOUBLE[] AS embeddings", "[1, 2]::FLOAT[2] AS embeddings", "7::INTEGER AS created",
        "7::UBIGINT AS created", "'{\"k\":\"v\"}' AS attributes",
        "'{\"k\":\"v\"}'::JSON AS attributes"}) {
    CopyReplacing(replacement);
    const auto records = Read();
    ASSERT_OK(records);
    EXPECT_THAT(*records, ElementsAre(ExpectedRow())) << replacement;
  }
}

TEST_F(ParquetReaderTest, NamesTheMissingColumn) {
  for (const char* column : {"provider", "depiction_id", "model", "embeddings"}) {
    CopyWithout(column);
    EXPECT_FAILS(Read(), kInvalidArgument, path_ + "\": there is no column " + column);
  }
}

TEST_F(ParquetReaderTest, RefusesOtherTypesInOneSentence) {
  CopyReplacing("[1]::INTEGER[] AS embeddings");
  EXPECT_FAILS(Read(), kInvalidArgument,
               "column embeddings has the type INTEGER[], it must be a list of FLOAT or DOUBLE");
  CopyReplacing("'1,2' AS embeddings");
  EXPECT_FAILS(Read(), kInvalidArgument, "column embeddings has the type VARCHAR");
  CopyReplacing("TIMESTAMP '2020-01-01' AS created");
  EXPECT_FAILS(Read(), kInvalidArgument, "column created has the type TIMESTAMP");
  CopyReplacing("{a: 'b'} AS attributes");
  EXPECT_FAILS(Read(), kInvalidArgument, "column attributes has the type STRUCT(a VARCHAR)");
  CopyReplacing("12 AS provider");
  EXPECT_FAILS(Read(), kInvalidArgument, "column provider has the type INTEGER");
}

TEST_F(ParquetReaderTest, ABadRowIsNamedAndEndsTheWalk) {
  struct Case {
    const char* bad;
    const char* what;
  };
  for (const auto& [bad, what] : {
           Case{"'' AS provider", "provider is empty"},
           Case{"NULL AS provider", "provider is NULL"},
           Case{"NULL AS depiction_id", "depiction_id is NULL"},
           Case{"NULL AS model", "model is NULL"},
           Case{"NULL AS embeddings", "embeddings is NULL"},
           Case{"[]::FLOAT[] AS embeddings", "embeddings is empty"},
           Case{"[1, NULL]::FLOAT[] AS embeddings", "embeddings[1] is NULL"},
           Case{"[1, 'nan'::FLOAT] AS embeddings", "embeddings[1] is NaN"},
           Case{"[1, '-inf'::FLOAT] AS embeddings", "embeddings[1] is -Inf"},
           Case{"MAP {'k': NULL::VARCHAR} AS attributes", "attributes[\"k\"] is NULL"},
           Case{"MAP {'': 'v'} AS attributes", "attribute name"},
           Case{"'a' || chr(10) AS subject_id", "subject_id"},
       }) {
    Copy(std::string("SELECT ") + kRow + " FROM range(2500) UNION ALL SELECT * REPLACE (" + bad +
         ") FROM (SELECT " + kRow + ")");
    const auto reader = ParquetReader::Open(path_);
    ASSERT_OK(reader);
    Record record;
    for (int i = 0; i < 2500; ++i) {
      ASSERT_OK((*reader)->Next(record));
    }
    EXPECT_FAILS((*reader)->Next(record), kInvalidArgument, "row 2500 (counting from 0)");
    EXPECT_FAILS((*reader)->Next(record), kInvalidArgument, what);
  }
}

TEST_F(ParquetReaderTest, NamesTheElementThatIsTooLargeForAFloat) {
  CopyReplacing("[1, 1e300]::DOUBLE[] AS embeddings");
  EXPECT_FAILS(Read(), kInvalidArgument, "embeddings[1] is +Inf");
}

TEST_F(ParquetReaderTest, RefusesBadJsonAttributes) {
  CopyReplacing("'{\"k\":1}' AS attributes");
  EXPECT_FAILS(Read(), kInvalidArgument, "row 0 (counting from 0): attributes");
}

TEST_F(ParquetReaderTest, SaysInOneSentenceWhatIsNoParquetFile) {
  EXPECT_FAILS(ReadParquet(dir_.File("none")), kNotFound, dir_.File("none"));
  EXPECT_FAILS(ReadParquet(dir_.path()), kInvalidArgument, "is a directory");
  EXPECT_FAILS(ReadParquet("/dev/null"), kInvalidArgument, "is not a regular file");
  WriteBytes(path_, "");
  EXPECT_FAILS(Read(), kInvalidArgument, path_ + "\" is not a Parquet file: it is empty");
  WriteBytes(path_, "PA");
  EXPECT_FAILS(Read(), kInvalidArgument, "it has 2 bytes");
  WriteBytes(path_, "provider,depiction_id\n");
  EXPECT_FAILS(Read(), kInvalidArgument, "it does not begin with PAR1");
  WriteBytes(path_, "PARE....PARE");
  EXPECT_FAILS(Read(), kInvalidArgument, "encrypted");
  WriteBytes(path_, "PAR1");
  EXPECT_FAILS(Read(), kInvalidArgument, "truncated");
  WriteBytes(path_, std::string("PAR1\xFF\xFF\xFF\x7FPAR1", 12));
  EXPECT_FAILS(Read(), kInvalidArgument, "its footer has 2147483647 bytes");
}

TEST_F(ParquetReaderTest, AnyTruncationIsAnError) {
  ASSERT_OK(WriteParquet(path_, {ExpectedRow()}));
  const std::string bytes = ReadBytes(path_);
  for (std::size_t length = 0; length < bytes.size(); length += length < 40 ? 1 : 7) {
    WriteBytes(path_, bytes.substr(0, length));
    EXPECT_FAILS(Read(), kInvalidArgument, "Parquet file");
  }
}

TEST_F(ParquetReaderTest, ChangedBytesNeverCrash) {
  std::mt19937_64 random(TestSeed());
  ASSERT_OK(WriteParquet(path_, {ExpectedRow(), MakeRecord("q", "e", "m", {3, 4})}));
  const std::string bytes = ReadBytes(path_);
  for (int round = 0; round < 30; ++round) {
    std::string changed = bytes;
    const std::size_t at = random() % changed.size();
    if (round % 4 == 0) {
      changed.erase(at, 1);  // shifts everything after it
    } else {
      changed[at] = static_cast<char>(random());
    }
    WriteBytes(path_, changed);
    const auto records = Read();
    if (records.ok()) {
      continue;  // a changed byte within a value is another value
    }
    EXPECT_THAT(records.status().message(), HasSubstr(path_));
    EXPECT_THAT(records.status().message(), Not(HasSubstr("/proc/")));
  }
}

TEST_F(ParquetReaderTest, APathIsOneFileWhateverItIsCalled) {
  ASSERT_OK(WriteParquet(dir_.File("other.parquet"), {MakeRecord("x", "x", "x", {1})}));
  for (const char* name : {"it's.parquet", "*.parquet", "o?her.parquet", "[ab].parquet", "a b\"c",
                           "p=1", "100%", "{a,b}.parquet", "http:__x", "\xC3\xA9", "a.csv.gz"}) {
    const std::string path = dir_.File(name);
    EXPECT_FAILS(ReadParquet(path), kNotFound, "No such file");
    ASSERT_OK(WriteParquet(path, {ExpectedRow()}));
    const auto records = ReadParquet(path);
    ASSERT_OK(records);
    EXPECT_THAT(*records, ElementsAre(ExpectedRow())) << name;
  }
}

TEST_F(ParquetReaderTest, FolderNamesDoNotBecomeColumns) {
  std::filesystem::create_directories(dir_.File("provider=evil"));
  const std::string path = dir_.File("provider=evil/a.parquet");
  ASSERT_OK(WriteParquet(path, {ExpectedRow()}));
  const auto records = ReadParquet(path);
  ASSERT_OK(records);
  EXPECT_EQ(records->at(0).key.provider, "p");
}

TEST_F(ParquetReaderTest, GoesOnReadingAFileThatIsReplacedMeanwhile) {
  ASSERT_OK(WriteParquet(path_, {ExpectedRow()}));
  const auto reader = ParquetReader::Open(path_);
  ASSERT_OK(reader);
  ASSERT_OK(WriteParquet(path_, {MakeRecord("x", "x", "x", {1})}));
  const auto records = Drain(**reader);
  ASSERT_OK(records);
  EXPECT_THAT(*records, ElementsAre(ExpectedRow()));
}

TEST_F(ParquetReaderTest, RefusesInvalidUtf8) {
  // DuckDB writes no such text, so it is put in afterwards.
  Copy(std::string("SELECT * REPLACE ('QQQQ' AS provider) FROM (SELECT ") + kRow + ")",
       "FORMAT parquet, COMPRESSION uncompressed");
  std::string bytes = ReadBytes(path_);
  for (std::size_t at = bytes.find("QQQQ"); at != std::string::npos; at = bytes.find("QQQQ")) {
    bytes.replace(at, 4, "\xFF\xFE\xFF\xFE");
  }
  WriteBytes(path_, bytes);
  EXPECT_FAILS(Read(), kInvalidArgument, "cannot be read at row 0 or later");
}

}  // namespace
}  // namespace embeddingsdb
