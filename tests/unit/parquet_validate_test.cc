// SPDX-License-Identifier: BSD-3-Clause
//
// Small files with one fault each. What validates must be readable, and what is not readable must
// not validate: both are asked of every file here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "parquet/embeddings_document.h"
#include "parquet/parquet_format.h"
#include "parquet/validate.h"
#include "support/parquet_files.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Metadata = std::map<std::string, std::string>;

constexpr const char* kRow =
    "'p' AS provider, 'd' AS depiction_id, 's' AS subject_id, 'm' AS model, "
    "[1, 2]::FLOAT[] AS embeddings, 7::BIGINT AS created, MAP {'k': 'v'} AS attributes";

std::vector<std::string> Told(const std::vector<FileProblem>& problems) {
  std::vector<std::string> told;
  for (const FileProblem& problem : problems) {
    told.push_back(std::string(FileProblemKindName(problem.kind)) + ": " + problem.sentence);
  }
  return told;
}

class ValidateParquetTest : public ::testing::Test {
 protected:
  void Copy(const std::string& query, const std::string& options = "FORMAT parquet") {
    ASSERT_OK(sql_.Execute("COPY (" + query + ") TO '" + path_ + "' (" + options + ")"));
  }
  /// Two good rows and one that differs from them in `changes`.
  void CopyWith(const std::string& changes) {
    Copy("SELECT * REPLACE (i::VARCHAR AS depiction_id) FROM (SELECT " + std::string(kRow) +
         "), range(2) t(i) UNION ALL BY NAME SELECT * REPLACE (" + changes + ") FROM (SELECT " +
         kRow + ", 2 AS i)");
  }
  FileReport Validate() {
    Result<FileReport> report = ValidateParquet(path_);
    EXPECT_OK(report);
    if (!report.ok()) {
      return {};
    }
    if (report->valid()) {
      EXPECT_OK(ReadParquet(path_));
    }
    return *std::move(report);
  }
  std::vector<std::string> Problems() { return Told(Validate().problems); }

  const TempDir dir_;
  const std::string path_ = dir_.File("a.parquet");
  Sql sql_;
};

TEST_F(ValidateParquetTest, FilesOfOursAreValidWithoutNotes) {
  std::vector<Record> records;
  for (int i = 0; i < 3000; ++i) {
    records.push_back(MakeRecord("p" + std::to_string(i % 7), std::to_string(i), "m", {1, 2}));
    records.push_back(MakeRecord("p;q", std::to_string(i), "wide", {0.6F, 0, 0.8F}));
  }
  ASSERT_OK(WriteParquet(path_, records, {.row_group_bytes = 50'000}));
  const FileReport report = Validate();
  EXPECT_THAT(Told(report.problems), IsEmpty());
  EXPECT_THAT(Told(report.notes), IsEmpty());
  EXPECT_EQ(report.rows, 6000);
  ASSERT_OK(WriteParquet(path_, {}));
  EXPECT_TRUE(Validate().valid());
}

TEST_F(ValidateParquetTest, FilesOfDuckDbAreValidWithNotes) {
  for (const char* options : {"COMPRESSION snappy", "COMPRESSION zstd, ROW_GROUP_SIZE 2048",
                              "COMPRESSION uncompressed, PARQUET_VERSION V2"}) {
    Copy("SELECT * REPLACE (i::VARCHAR AS depiction_id) FROM (SELECT " + std::string(kRow) +
             "), range(5000) t(i)",
         std::string("FORMAT parquet, ") + options);
    const FileReport report = Validate();
    EXPECT_THAT(Told(report.problems), IsEmpty()) << options;
    EXPECT_EQ(report.rows, 5000);
    EXPECT_THAT(
        Told(report.notes),
        ElementsAre(HasSubstr("extra-column: the column \"i\" (BIGINT) is none of a record"),
                    "statistics: there are no statistics; parquet-append-stats adds them",
                    HasSubstr("document: there is no document")));
  }
  Copy(
      "SELECT * EXCLUDE (subject_id, created, attributes) REPLACE ([1, 2]::DOUBLE[] AS "
      "embeddings) FROM (SELECT " +
      std::string(kRow) + ")");
  const FileReport report = Validate();
  EXPECT_TRUE(report.valid());
  EXPECT_THAT(Told(report.notes), Contains("missing-column: there is no column subject_id, it is "
                                           "read as empty"));
  EXPECT_THAT(Told(report.notes), Contains(HasSubstr("column-type: the vectors are DOUBLE")));
  Copy("SELECT " + std::string(kRow) + " LIMIT 0");
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(ValidateParquetTest, EachFaultOfARowIsTold) {
  const std::map<std::string, std::string> faults = {
      {"'' AS provider", "empty-key: row 2: provider is empty"},
      {"'' AS depiction_id", "empty-key: row 2: depiction_id is empty"},
      {"'' AS model", "empty-key: row 2: model is empty"},
      {"repeat('x', 257) AS model", "key: row 2: model is 257 bytes long, the limit is 256"},
      {"'a' || chr(10) AS depiction_id",
       "key: row 2: depiction_id \"a\\n\" holds a control character"},
      {"NULL AS provider", "value: row 2: provider is NULL"},
      {"[1, NULL]::FLOAT[] AS embeddings", "value: row 2: embeddings[1] is NULL"},
      {"[1, 'nan'::FLOAT] AS embeddings",
       "non-finite: row 2: embeddings[1] is NaN, which is not a finite number"},
      {"['-inf'::FLOAT, 1] AS embeddings",
       "non-finite: row 2: embeddings[0] is -Inf, which is not a finite number"},
      {"MAP {'': 'v'} AS attributes", "value: row 2: attribute name is empty"},
      {"repeat('s', 1025) AS subject_id",
       "value: row 2: subject_id is 1025 bytes long, the limit is 1024"},
      {"[1, 2, 3]::FLOAT[] AS embeddings",
       "dimensions: row 2: model \"m\" has 3 dimensions, in row 0 it has 2"},
      {"'1' AS depiction_id",
       "duplicate-key: row 2: provider \"p\", depiction_id \"1\", model \"m\" is in row 1 already"},
  };
  for (const auto& [fault, told] : faults) {
    CopyWith(fault);
    EXPECT_THAT(Problems(), ElementsAre(told)) << fault;
  }
  CopyWith("[]::FLOAT[] AS embeddings");
  EXPECT_THAT(Problems(), Contains("vector: row 2: embeddings is empty"));
  CopyWith("'e' AS depiction_id");  // none: what finds faults must not find this one
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(ValidateParquetTest, TellsTenOfAKindAndCountsTheOthers) {
  Copy("SELECT * REPLACE ('' AS provider, i::VARCHAR AS depiction_id) FROM (SELECT " +
       std::string(kRow) + "), range(5000) t(i)");
  const FileReport report = Validate();
  EXPECT_EQ(report.problems.size(), kMaxFileProblems);
  EXPECT_EQ(report.problems.back().sentence, "row 9: provider is empty");
  EXPECT_EQ(report.not_shown,
            (std::map<FileProblemKind, std::int64_t>{{FileProblemKind::kEmptyKey, 4990}}));
  EXPECT_EQ(report.rows, 5000);
}

TEST_F(ValidateParquetTest, AllColumnsThatAreWrongAreTold) {
  Copy(
      "SELECT * EXCLUDE (provider, attributes) REPLACE ('1,2' AS embeddings, TIMESTAMP "
      "'2020-01-01' AS created, 5 AS model) FROM (SELECT " +
      std::string(kRow) + ")");
  EXPECT_THAT(
      Problems(),
      ElementsAre("missing-column: there is no column provider",
                  "column-type: column model has the type INTEGER, it must be a string",
                  "column-type: column embeddings has the type VARCHAR, it must be a list of FLOAT "
                  "or DOUBLE",
                  "column-type: column created has the type TIMESTAMP, it must be an integer, in "
                  "seconds since 1970"));
}

TEST_F(ValidateParquetTest, StatisticsMustAgreeWithTheRows) {
  const auto with = [&](const std::string& pairs) {
    Copy("SELECT * REPLACE ('p' || i AS provider) FROM (SELECT " + std::string(kRow) +
             "), range(2) t(i) ORDER BY i",
         "FORMAT parquet, KV_METADATA {" + pairs + "}");
    return Problems();
  };
  const std::string rest =
      ", \"embeddingsdb:providers\": 'p1;p0', \"embeddingsdb:model:m:providers\": 'p0;p1', "
      "\"embeddingsdb:provider:p0:models\": 'm', \"embeddingsdb:provider:p1:models\": 'm'";
  // Another order is fine, and older files have no dimensions.
  EXPECT_THAT(with("\"embeddingsdb:models\": 'm'" + rest), IsEmpty());
  EXPECT_THAT(with("\"embeddingsdb:models\": 'm;n'" + rest),
              ElementsAre("statistics: the metadata key \"embeddingsdb:models\" says \"m;n\", the "
                          "rows say \"m\""));
  EXPECT_THAT(with("x: '1'" + rest),
              ElementsAre("statistics: the metadata key \"embeddingsdb:models\" is missing, the "
                          "rows say \"m\""));
  EXPECT_THAT(
      with("\"embeddingsdb:models\": 'm', \"embeddingsdb:model:m:dimensions\": '3'" + rest),
      ElementsAre("statistics: the metadata key \"embeddingsdb:model:m:dimensions\" says \"3\", "
                  "the rows say \"2\""));
  EXPECT_THAT(with("\"embeddingsdb:models\": 'm', \"embeddingsdb:model:n:dimensions\": '3'" + rest),
              ElementsAre("statistics: the metadata key \"embeddingsdb:model:n:dimensions\" is "
                          "about what no row has"));
}

TEST_F(ValidateParquetTest, TheDocumentMustAgreeWithTheRows) {
  const auto with = [&](const std::string& document) {
    Copy("SELECT " + std::string(kRow),
         "FORMAT parquet, KV_METADATA {embeddings: '" + document + "'}");
    return Problems();
  };
  const std::string head = R"({"version":"1.0","providers":["p"],"models":[)";
  EXPECT_THAT(with(head + R"({"name":"m","dimensions":2}]})"), IsEmpty());
  EXPECT_THAT(with(head + R"({"name":"m","dimensions":2,"normalised":false,"records":1}]})"),
              IsEmpty());
  EXPECT_THAT(with("no JSON"), ElementsAre("document: the document under the metadata key "
                                           "\"embeddings\" is not one: it is not a JSON object"));
  EXPECT_THAT(
      with(head + R"({"name":"m","dimensions":3,"normalised":true,"records":9}]})"),
      ElementsAre("document: dimensions of model \"m\" in the document is 3, the rows say 2",
                  "document: records of model \"m\" in the document is 9, the rows say 1",
                  "document: normalised of model \"m\" in the document is normalised, the "
                  "rows say not normalised"));
  EXPECT_THAT(with(R"({"version":"1.0","providers":["q"],"models":[{"name":"n","dimensions":2}]})"),
              ElementsAre(HasSubstr("document: the document names 1 providers"),
                          "document: the document has the model \"n\", which no row has",
                          "document: the document lacks the model \"m\" of the rows"));
  EXPECT_THAT(with(head + R"({"name":"m","dimensions":2,"digest":"x"}]})"),
              ElementsAre(HasSubstr("document: the document: the digest \"x\"")));
}

TEST_F(ValidateParquetTest, WhatIsNoParquetFileEndsInASentence) {
  EXPECT_FAILS(ValidateParquet(dir_.File("none")), kNotFound, "none");
  WriteBytes(path_, "provider,model\n");
  EXPECT_THAT(Problems(),
              ElementsAre("file: it is not a Parquet file: it does not begin with PAR1"));
  WriteBytes(path_, std::string("PAR1\xFF\xFF\xFF\x7FPAR1", 12));
  EXPECT_THAT(Problems(), ElementsAre(AllOf(HasSubstr("file: it is a damaged Parquet file"),
                                            HasSubstr("2147483647 bytes"))));
}

/// A file that has only a footer, which says whatever it likes.
std::string FileOf(const std::vector<RowGroupInfo>& groups) {
  return "PAR1" + std::string(100, 'x') + EncodeFooter(kRecordSchema, groups, Metadata());
}

TEST_F(ValidateParquetTest, FootersThatContradictThemselvesEndInSentences) {
  RowGroupInfo group;
  group.chunks.resize(kColumnCount);
  group.rows = 3;
  for (ChunkInfo& chunk : group.chunks) {
    chunk.values = 3;
    chunk.data_offset = 4;
    chunk.compressed_bytes = 100;
  }
  group.chunks[kModelColumn].values = 1'000'000'000;
  WriteBytes(path_, FileOf({group}));
  EXPECT_THAT(Problems(), ElementsAre("layout: row group 0, column model has 1000000000 values, "
                                      "the row group has 3 rows"));
  group.chunks[kModelColumn].values = 3;
  group.chunks[kCreatedColumn].compressed_bytes = 101;
  WriteBytes(path_, FileOf({group}));
  EXPECT_THAT(Problems(), ElementsAre("layout: row group 0, column created: 101 bytes from 4 on "
                                      "are not within the pages of the file, which are from 4 to "
                                      "104"));
  for (const std::int64_t offset : {-1LL, 0LL, 1LL << 62, 105LL}) {
    group.chunks[kCreatedColumn].compressed_bytes = 1LL << 62;
    group.chunks[kCreatedColumn].data_offset = offset;
    WriteBytes(path_, FileOf({group}));
    EXPECT_THAT(Problems(), ElementsAre(HasSubstr("column created"))) << offset;
  }
  group.chunks[kCreatedColumn] = group.chunks[kModelColumn];
  group.chunks[kModelColumn].values = 5;
  WriteBytes(path_, FileOf(std::vector<RowGroupInfo>(25, group)));
  const FileReport report = Validate();
  EXPECT_EQ(report.problems.size(), kMaxFileProblems);
  EXPECT_EQ(report.not_shown.at(FileProblemKind::kLayout), 15);
  group.rows = -3;
  WriteBytes(path_, FileOf({group}));
  EXPECT_THAT(Problems(), Contains(HasSubstr("a number of rows that cannot be")));
}

TEST_F(ValidateParquetTest, TruncatedAndChangedFilesNeverCrashAndNeverNameOurHandle) {
  std::mt19937_64 random(TestSeed());
  ASSERT_OK(
      WriteParquet(path_, {MakeRecord("p", "d", "m", {1, 2}), MakeRecord("q", "e", "m", {3, 4})}));
  const std::string bytes = ReadBytes(path_);
  int broken = 0;
  for (int round = 0; round < 40; ++round) {
    std::string changed = bytes;
    const std::size_t at = random() % changed.size();
    if (round % 4 == 0) {
      changed.resize(at);
    } else {
      changed[at] = static_cast<char>(random());
    }
    WriteBytes(path_, changed);
    for (const std::string& told : Problems()) {
      EXPECT_THAT(told, Not(HasSubstr("/proc/")));
      ++broken;
    }
  }
  EXPECT_GT(broken, 10);
}

}  // namespace
}  // namespace embeddingsdb
