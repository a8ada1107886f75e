// SPDX-License-Identifier: BSD-3-Clause
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "parquet/append_statistics.h"
#include "parquet/embeddings_document.h"
#include "parquet/footer_json.h"
#include "parquet/parquet_file.h"
#include "parquet/parquet_layout.h"
#include "parquet/thrift_compact.h"
#include "support/parquet_files.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

using Pairs = std::vector<std::pair<std::string, std::string>>;

class AppendStatisticsTest : public ::testing::Test {
 protected:
  void Copy(const std::string& select, const std::string& options = "FORMAT parquet") {
    ASSERT_OK(sql_.Execute("COPY (" + select + ") TO '" + input_ + "' (" + options + ")"));
  }
  ParquetLayout Layout(const std::string& path) {
    Result<ParquetLayout> layout = ReadParquetLayout(path);
    EXPECT_OK(layout);
    EXPECT_THAT(layout->problems, IsEmpty());
    return *std::move(layout);
  }
  /// Everything before the footer.
  std::string Pages(const std::string& path) {
    const auto file = ParquetFile::Open(path);
    EXPECT_OK(file);
    return ReadBytes(path).substr(0, static_cast<std::size_t>(file->footer_offset()));
  }

  const TempDir dir_;
  const std::string input_ = dir_.File("in.parquet");
  const std::string output_ = dir_.File("out.parquet");
  Sql sql_;
};

constexpr const char* kRows =
    "SELECT 'p' || i % 2 AS provider, i::VARCHAR AS depiction_id, 's' AS subject_id, 'm' AS model, "
    "[i, 1]::FLOAT[] AS embeddings, i AS created, MAP {'k': 'v'} AS attributes, "
    "DATE '2020-01-01' AS shot FROM range(5000) t(i)";

TEST_F(AppendStatisticsTest, LeavesEveryOtherByteOfAForeignFile) {
  Copy(kRows,
       "FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION snappy, "
       "KV_METADATA {licence: 'CC0', \"embeddingsdb:models\": 'wrong', a: ''}");
  const auto report = AppendStatistics(input_, output_, {.licence = "CC0-1.0", .models = {}});
  ASSERT_OK(report);
  EXPECT_EQ(report->rows, 5000);
  EXPECT_FALSE(report->document_replaced);
  EXPECT_EQ(Pages(output_), Pages(input_));

  ParquetLayout before = Layout(input_);
  ParquetLayout after = Layout(output_);
  EXPECT_EQ(after.created_by, before.created_by);
  EXPECT_EQ(after.row_groups, before.row_groups);
  EXPECT_EQ(after.columns.back().path, "shot");
  // What others wrote keeps its place, ours comes after it.
  std::erase_if(before.metadata, [](const auto& p) { return IsDerivedMetadata(p.first); });
  ASSERT_EQ(before.metadata.size(), 2U);
  EXPECT_EQ(Pairs(after.metadata.begin(), after.metadata.begin() + 2), before.metadata);
  EXPECT_THAT(
      Pairs(after.metadata.begin() + 2, after.metadata.end()),
      ElementsAre(Pair("embeddings", HasSubstr("\"records\":5000}],\"providers\":[\"p0\","
                                               "\"p1\"],\"licence\":\"CC0-1.0\"")),
                  Pair("embeddingsdb:model:m:dimensions", "2"),
                  Pair("embeddingsdb:model:m:providers", "p0;p1"), Pair("embeddingsdb:models", "m"),
                  Pair("embeddingsdb:provider:p0:models", "m"),
                  Pair("embeddingsdb:provider:p1:models", "m"),
                  Pair("embeddingsdb:providers", "p0;p1")));
  EXPECT_THAT(
      sql_.Texts("SELECT count(*)::VARCHAR FROM '" + output_ + "' WHERE shot = DATE '2020-01-01'"),
      ElementsAre("5000"));
}

TEST_F(AppendStatisticsTest, GivesAFileOfOursTheSameBytes) {
  ParquetWriteOptions options;
  options.metadata = {{"Zebra", "1"}};  // before ours in bytewise order
  options.facts = {.licence = "CC0-1.0",
                   .models = {{"m", {.digest = "sha256:0123456789abcdef", .metric = "l2"}}}};
  ASSERT_OK(WriteParquet(input_, {MakeRecord("p", "1", "m", {1, 2})}, options));
  ASSERT_OK(AppendStatistics(input_, output_));
  EXPECT_EQ(ReadBytes(output_), ReadBytes(input_));
  // Onto itself, and again.
  ASSERT_OK(AppendStatistics(output_, output_));
  EXPECT_EQ(ReadBytes(output_), ReadBytes(input_));
  const auto files = std::filesystem::directory_iterator(dir_.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 2);
}

TEST_F(AppendStatisticsTest, AddsMetadataWhereThereIsNone) {
  Copy("SELECT * EXCLUDE (shot) FROM (" + std::string(kRows) + ") LIMIT 1");
  ASSERT_OK(AppendStatistics(input_, output_));
  EXPECT_EQ(Layout(output_).metadata.size(), 6U);
  const auto records = ReadParquet(output_);
  ASSERT_OK(records);
  EXPECT_EQ(records->size(), 1U);
}

TEST_F(AppendStatisticsTest, ABadDocumentIsReplacedAndTold) {
  Copy(kRows, "FORMAT parquet, KV_METADATA {embeddings: 'something else'}");
  const auto report = AppendStatistics(input_, output_);
  ASSERT_OK(report);
  EXPECT_TRUE(report->document_replaced);
  EXPECT_THAT(Layout(output_).metadata.front().second, StartsWith("{\"version\":\"1.0\""));
}

TEST_F(AppendStatisticsTest, ABadRowOrFileLeavesTheOutput) {
  WriteBytes(output_, "precious");
  Copy(
      "SELECT * REPLACE (CASE WHEN i = 7 THEN '' ELSE provider END AS provider) FROM (SELECT *, "
      "created AS i FROM (" +
      std::string(kRows) + "))");
  EXPECT_FAILS(AppendStatistics(input_, output_), kInvalidArgument,
               "row 7 (counting from 0): provider is empty");
  EXPECT_FAILS(AppendStatistics(dir_.File("none"), output_), kNotFound, "none");
  ASSERT_OK(WriteParquet(input_, {MakeRecord("p", "1", "m", {1})}));
  ParquetFacts facts;
  facts.models["n"].digest = "sha256:0123456789abcdef";
  EXPECT_FAILS(AppendStatistics(input_, output_, facts), kInvalidArgument, "the model \"n\"");
  EXPECT_EQ(ReadBytes(output_), "precious");
}

TEST_F(AppendStatisticsTest, AFullDeviceIsAnError) {
  ASSERT_OK(WriteParquet(input_, {MakeRecord("p", "1", "m", {1})}));
  EXPECT_FAILS(AppendStatistics(input_, "/dev/full"), kResourceExhausted, "/dev/full");
}

TEST_F(AppendStatisticsTest, GatheringReadsRowsAndNotWhatTheFileSays) {
  Copy(kRows, "FORMAT parquet, KV_METADATA {\"embeddingsdb:models\": 'wrong'}");
  ASSERT_OK(WriteParquet(output_, {MakeRecord("p0", "1", "wide\"", {1, 2, 3})}));
  ParquetStatistics statistics;
  ASSERT_OK(GatherStatistics(input_, statistics));
  ASSERT_OK(GatherStatistics(output_, statistics));
  EXPECT_EQ(statistics.ToJson(), R"({"models":["m","wide\""],"providers":["p0","p1"],)"
                                 R"("model_providers":{"m":["p0","p1"],"wide\"":["p0"]},)"
                                 R"("model_dimensions":{"m":2,"wide\"":3},)"
                                 R"("provider_models":{"p0":["m","wide\""],"p1":["m"]}})");
  EXPECT_EQ(ParquetStatistics().ToJson(),
            R"({"models":[],"providers":[],"model_providers":{},"model_dimensions":{},)"
            R"("provider_models":{}})");
}

TEST_F(AppendStatisticsTest, MetadataHasTheNamesOfParquetGo) {
  ASSERT_OK(WriteParquet(input_, {MakeRecord("p", "1", "m", {1, 2})}));
  const auto footer = ReadFooterJson(input_);
  ASSERT_OK(footer);
  EXPECT_THAT(*footer,
              StartsWith(R"({"Version":2,"Schema":[{"Type":null,"TypeLength":null,)"
                         R"("RepetitionType":null,"Name":"Record","NumChildren":7,)"
                         R"("ConvertedType":null,"Scale":null,"Precision":null,"FieldID":0,)"
                         R"("LogicalType":null},{"Type":6,"TypeLength":null,"RepetitionType":0,)"
                         R"("Name":"provider","NumChildren":0,"ConvertedType":0,)"));
  const auto json = nlohmann::json::parse(*footer);
  EXPECT_EQ(json["NumRows"], 1);
  EXPECT_EQ(json["Schema"].size(), 13U);
  EXPECT_EQ(json["Schema"][8]["LogicalType"]["Integer"]["BitWidth"], 64);
  EXPECT_EQ(json["Schema"][8]["LogicalType"]["Integer"]["IsSigned"], true);
  const auto& chunk = json["RowGroups"][0]["Columns"][0]["MetaData"];
  EXPECT_EQ(chunk["PathInSchema"], nlohmann::json({"provider"}));
  EXPECT_EQ(chunk["Encoding"], nlohmann::json({0, 3, 8}));
  EXPECT_EQ(chunk["Codec"], 6);
  EXPECT_EQ(chunk["Statistics"]["MinValue"], "cA==");  // "p"
  EXPECT_EQ(chunk["Statistics"]["Max"], nullptr);
  EXPECT_EQ(json["RowGroups"][0]["SortingColumns"], nullptr);
  EXPECT_EQ(json["ColumnOrders"].size(), 8U);
  EXPECT_EQ(json["EncryptionAlgorithm"]["AesGcmV1"], nullptr);

  const ParquetLayout layout = Layout(input_);
  const std::vector<LayoutColumn>& columns = layout.columns;
  ASSERT_EQ(columns.size(), 8U);
  EXPECT_EQ(columns[4].path, "embeddings.list.element");
  EXPECT_EQ(columns[4].type, "FLOAT");
  EXPECT_EQ(columns[4].values, 2);
  EXPECT_FALSE(columns[4].flat);
  EXPECT_EQ(columns[5].type, "INT64 (INTEGER)");
  EXPECT_EQ(columns[7].path, "attributes.key_value.value");
  EXPECT_THAT(columns[7].codecs, ElementsAre("ZSTD"));
  EXPECT_THAT(columns[3].encodings, ElementsAre("PLAIN", "RLE", "RLE_DICTIONARY"));
}

TEST(FooterJson, HasALimit) {
  // One row group (field 4) whose list of columns (field 1) has 600,000 that leave all out: a byte
  // of each in the footer, hundreds in JSON.
  const std::string head = "\x49\x1c\x19\xfc\xc0\xcf\x24";
  const std::string footer = head + std::string(600'000 + 2, '\0');
  const auto parsed = ParseThriftStruct(footer, kMaxFooterValues);
  ASSERT_OK(parsed);
  const auto json = FooterToJson(*parsed);
  EXPECT_EQ(json.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(json.status().message(), HasSubstr("268435456"));
}

}  // namespace
}  // namespace embeddingsdb
