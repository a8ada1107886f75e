// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "parquet/embeddings_document.h"
#include "support/parquet_files.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kDigest = "sha256:0123456789abcdef";

Result<std::string> DocumentOf(const std::vector<Record>& records, ParquetFacts facts = {}) {
  const TempDir dir;
  ParquetWriteOptions options;
  options.facts = std::move(facts);
  EDB_TRY(WriteParquet(dir.File("a"), records, std::move(options)));
  EDB_ASSIGN(const auto reader, ParquetReader::Open(dir.File("a")));
  return reader->metadata().at("embeddings");
}

ParquetFacts Facts(const std::string& digest, const std::string& metric,
                   const std::string& licence = "") {
  return {.licence = licence, .models = {{"m", {.digest = digest, .metric = metric}}}};
}

TEST(EmbeddingsDocument, IsDecidedFromTheRows) {
  const auto json =
      DocumentOf({MakeRecord("q", "1", "m", {0.6F, 0.8F}), MakeRecord("p", "2", "wide", {1, 2, 3}),
                  MakeRecord("q", "3", "m", {1, 0})});
  ASSERT_OK(json);
  EXPECT_THAT(*json, StartsWith("{\"version\":\"1.0\",\"column\":\"embeddings\",\"models\":["
                                "{\"name\":\"m\",\"dimensions\":2,\"normalised\":true,"
                                "\"records\":2},"
                                "{\"name\":\"wide\",\"dimensions\":3,\"normalised\":false,"
                                "\"records\":1}],"
                                "\"providers\":[\"q\",\"p\"],"
                                "\"created_by\":\"embeddingsdb version "));
}

TEST(EmbeddingsDocument, HasWhatTheUserSays) {
  const auto json =
      DocumentOf({MakeRecord("p", "1", "m", {1})}, Facts(kDigest, "cosine", "CC0-1.0"));
  ASSERT_OK(json);
  EXPECT_THAT(*json, HasSubstr("{\"name\":\"m\",\"digest\":\"sha256:0123456789abcdef\","
                               "\"dimensions\":1,\"metric\":\"cosine\",\"normalised\":true,"));
  EXPECT_THAT(*json, HasSubstr("],\"licence\":\"CC0-1.0\",\"created_by\""));
}

TEST(EmbeddingsDocument, NormalisedMeansEveryVectorToAThousandth) {
  const auto normalised = [](std::vector<float> vector) {
    DocumentBuilder builder;
    ParquetStatistics statistics;
    for (const Record& record :
         {MakeRecord("p", "1", "m", std::vector<float>{1}), MakeRecord("p", "2", "m", vector)}) {
      builder.Add(record);
      statistics.Add(record);
    }
    const auto document = builder.Build(statistics, {});
    return document.ok() && document->models.front().normalised.value_or(false);
  };
  EXPECT_TRUE(normalised({1.0009F}));
  EXPECT_TRUE(normalised({-0.9991F}));
  EXPECT_FALSE(normalised({1.0011F}));
  EXPECT_FALSE(normalised({0.9989F}));
  EXPECT_FALSE(normalised({0}));
  EXPECT_FALSE(normalised({3e38F, 3e38F}));
  EXPECT_TRUE(normalised(std::vector<float>(16, 0.25F)));
  EXPECT_TRUE(normalised(std::vector<float>(25, 0.2F)));  // elements beyond the last eight count
}

TEST(EmbeddingsDocument, ReadsWhatItWritesAndUnknownFields) {
  EmbeddingsDocument document;
  document.models = {{.name = "\xC3\xA9\"", .digest = kDigest, .dimensions = 3},
                     {.name = "n", .dimensions = 4, .metric = "ip", .normalised = false}};
  document.providers = {"p", "q"};
  document.licence = "CC0-1.0";
  document.created_by = "somebody";
  const auto read = EmbeddingsDocument::FromJson(document.ToJson());
  ASSERT_OK(read);
  EXPECT_EQ(*read, document);
  EXPECT_OK(EmbeddingsDocument::FromJson(R"({"version":"1.7","new":{"a":[1e9]}})"));
}

TEST(EmbeddingsDocument, SaysWhatIsNoDocument) {
  const auto parse = [](const char* json) { return EmbeddingsDocument::FromJson(json); };
  EXPECT_FAILS(parse(""), kInvalidArgument, "not a JSON object");
  EXPECT_FAILS(parse("[1"), kInvalidArgument, "not a JSON object");
  EXPECT_FAILS(parse("{\"version\":\"1.0\",\"a\":1e999}"), kInvalidArgument, "not a JSON object");
  EXPECT_FAILS(parse(std::string(100'000, '[').c_str()), kInvalidArgument, "not a JSON object");
  EXPECT_FAILS(parse("{}"), kInvalidArgument, "no version");
  EXPECT_FAILS(parse(R"({"version":2})"), kInvalidArgument, "version is not a string");
  EXPECT_FAILS(parse(R"({"version":"2.0"})"), kUnimplemented, "its version is \"2.0\"");
  EXPECT_FAILS(parse(R"({"version":"1.0","models":{}})"), kInvalidArgument,
               "models is not an array");
  EXPECT_FAILS(parse(R"({"version":"1.0","models":[7]})"), kInvalidArgument,
               "models[0] is not an object");
  EXPECT_FAILS(parse(R"({"version":"1.0","models":[{"name":"m"}]})"), kInvalidArgument,
               "models[0] has no dimensions");
  EXPECT_FAILS(parse(R"({"version":"1.0","models":[{"name":"m","dimensions":2.5}]})"),
               kInvalidArgument, "models[0].dimensions is not an integer");
  EXPECT_FAILS(
      parse(R"({"version":"1.0","models":[{"name":"m","dimensions":9223372036854775808}]})"),
      kInvalidArgument, "models[0].dimensions is not an integer of 64 bits");
  EXPECT_FAILS(
      parse(R"({"version":"1.0","models":[{"name":"m","dimensions":2,"normalised":"yes"}]})"),
      kInvalidArgument, "models[0].normalised is not true or false");
  EXPECT_FAILS(parse(R"({"version":"1.0","providers":[1]})"), kInvalidArgument,
               "providers[0] is not a string");
  EXPECT_FAILS(EmbeddingsDocument::FromJson(std::string(kMaxDocumentBytes + 1, ' ')),
               kResourceExhausted, "the limit is 16777216");
}

TEST(EmbeddingsDocument, FactsAreCheckedByTheWriter) {
  const std::vector<Record> records = {MakeRecord("p", "1", "m", {1})};
  EXPECT_FAILS(DocumentOf(records, Facts("md5", "")), kInvalidArgument,
               "the digest \"md5\" of model \"m\" is not like sha256:9f86d0...");
  EXPECT_FAILS(DocumentOf(records, Facts("sha256:ABCDEF0123456789", "")), kInvalidArgument,
               "lower");
  EXPECT_FAILS(DocumentOf(records, Facts("sha256:" + std::string(kMaxDigestBytes, 'a'), "")),
               kInvalidArgument, "the limit is 256");
  EXPECT_FAILS(DocumentOf(records, Facts("", "manhattan")), kInvalidArgument, "manhattan");
  EXPECT_FAILS(DocumentOf(records, Facts("", "", "CC0\n")), kInvalidArgument, "licence");
  EXPECT_FAILS(DocumentOf(records, Facts("", "", std::string(kMaxLicenceBytes + 1, 'x'))),
               kInvalidArgument, "licence is 1025 bytes long, the limit is 1024");
  ParquetFacts misspelt = Facts(kDigest, "");
  misspelt.models["n"] = {.digest = kDigest, .metric = ""};
  EXPECT_FAILS(DocumentOf(records, misspelt), kInvalidArgument,
               "facts about the model \"n\", but no record of it");
}

}  // namespace
}  // namespace embeddingsdb
