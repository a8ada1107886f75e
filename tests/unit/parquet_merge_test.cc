// SPDX-License-Identifier: BSD-3-Clause
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "parquet/embeddings_document.h"
#include "parquet/merge.h"
#include "support/parquet_files.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;

Record Version(const std::string& id, std::int64_t created, const std::string& subject) {
  Record record = MakeRecord("p", id, "m", {1, 2});
  record.created = created;
  record.subject_id = subject;
  return record;
}

class ParquetMergeTest : public ::testing::Test {
 protected:
  std::string Put(const std::string& name, const std::vector<Record>& records,
                  std::map<std::string, std::string> metadata = {}) {
    const std::string path = dir_.File(name);
    EXPECT_OK(WriteParquet(path, records, {.metadata = std::move(metadata)}));
    return path;
  }
  Result<MergeReport> Merge(const std::vector<std::string>& inputs, MergeOptions options = {}) {
    return MergeParquet(inputs, output_, std::move(options));
  }
  /// The subjects in the output, which tell the versions apart.
  std::vector<std::string> Subjects() {
    std::vector<std::string> subjects;
    const auto records = ReadParquet(output_);
    EXPECT_OK(records);
    if (!records.ok()) {
      return subjects;
    }
    for (const Record& record : *records) {
      subjects.push_back(record.subject_id);
    }
    return subjects;
  }

  EmbeddingsDocument Document() {
    const auto reader = ParquetReader::Open(output_);
    EXPECT_OK(reader);
    const auto document = EmbeddingsDocument::FromJson((*reader)->metadata().at("embeddings"));
    EXPECT_OK(document);
    return *document;
  }

  const TempDir dir_;
  const std::string output_ = dir_.File("out.parquet");
};

TEST_F(ParquetMergeTest, KeepsAllRowsInTheOrderOfTheArguments) {
  const std::string a = Put("a", {Version("1", 0, "a1"), Version("2", 0, "a2")});
  const std::string b = Put("b", {Version("3", 0, "b3")});
  const std::string none = Put("none", {});
  const auto report = Merge({b, none, a});
  ASSERT_OK(report);
  EXPECT_EQ(*report, (MergeReport{.read = 3, .written = 3, .duplicates = 0}));
  EXPECT_THAT(Subjects(), ElementsAre("b3", "a1", "a2"));
}

TEST_F(ParquetMergeTest, NeedsTwoFiles) {
  const std::string a = Put("a", {Version("1", 0, "a1")});
  EXPECT_FAILS(Merge({}), kInvalidArgument, "A minimum of two files to merge are required");
  EXPECT_FAILS(Merge({a}), kInvalidArgument, "A minimum of two files to merge are required");
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(ParquetMergeTest, FailsOnDuplicatesAndNamesKeyAndFiles) {
  const std::string a = Put("a", {Version("1", 0, "a1"), Version("2", 0, "a2")});
  const std::string b = Put("b", {Version("2", 0, "b2")});
  WriteBytes(output_, "precious");
  const auto report = Merge({a, b});
  EXPECT_FAILS(report, kInvalidArgument, "provider \"p\", depiction_id \"2\", model \"m\"");
  EXPECT_FAILS(report, kInvalidArgument, "\"" + a + "\" (row 1) and in \"" + b + "\" (row 0)");
  EXPECT_EQ(ReadBytes(output_), "precious");
}

TEST_F(ParquetMergeTest, FindsDuplicatesWithinOneFile) {
  const std::string a = Put("a", {Version("1", 0, "x"), Version("1", 0, "y")});
  const std::string b = Put("b", {Version("2", 0, "z")});
  EXPECT_FAILS(Merge({a, b}), kInvalidArgument, "(row 0)");
}

TEST_F(ParquetMergeTest, KeysAreComparedPartByPart) {
  // All four read "a-b-c" when they are joined.
  const std::string a =
      Put("a", {MakeRecord("a", "b", "c", {1}), MakeRecord("a-b", "c", "d", {1})});
  const std::string b =
      Put("b", {MakeRecord("a", "b-c", "d", {1}), MakeRecord("b", "b", "c", {1})});
  const auto report = Merge({a, b});
  ASSERT_OK(report);
  EXPECT_EQ(report->written, 4);
}

TEST_F(ParquetMergeTest, ResolvesDuplicatesByTheRuleAskedFor) {
  const std::string a = Put("a", {Version("1", 5, "a1"), Version("2", 1, "a2")});
  const std::string b = Put("b", {Version("2", 9, "b2"), Version("1", 2, "b1")});
  const std::string c = Put("c", {Version("2", 9, "c2"), Version("3", 0, "c3")});
  const std::vector<std::string> inputs = {a, b, c};
  const MergeReport expected = {.read = 6, .written = 3, .duplicates = 3};

  auto report = Merge(inputs, {.on_duplicate = OnDuplicate::kSkip});
  ASSERT_OK(report);
  EXPECT_EQ(*report, expected);
  EXPECT_THAT(Subjects(), ElementsAre("a1", "a2", "c3"));

  report = Merge(inputs, {.on_duplicate = OnDuplicate::kOverwrite});
  ASSERT_OK(report);
  EXPECT_EQ(*report, expected);
  EXPECT_THAT(Subjects(), ElementsAre("b1", "c2", "c3"));

  report = Merge(inputs, {.on_duplicate = OnDuplicate::kNewest});
  ASSERT_OK(report);
  EXPECT_EQ(*report, expected);
  EXPECT_THAT(Subjects(), ElementsAre("a1", "c2", "c3"));
}

TEST_F(ParquetMergeTest, RefusesAModelWithTwoDimensions) {
  const std::string a = Put("a", {MakeRecord("p", "1", "m", {1, 2})});
  const std::string b = Put("b", {MakeRecord("p", "2", "m", {1, 2, 3})});
  EXPECT_FAILS(Merge({a, b}, {.on_duplicate = OnDuplicate::kSkip}), kInvalidArgument,
               "model \"m\" has 2 dimensions in \"" + a + "\" and 3 in \"" + b + "\"");
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(ParquetMergeTest, MayWriteOntoAnInput) {
  const std::string a = Put("a", {Version("1", 0, "a1")});
  const std::string b = Put("b", {Version("2", 0, "b2")});
  const std::vector<std::string> inputs = {a, b};
  ASSERT_OK(MergeParquet(inputs, a));
  const auto records = ReadParquet(a);
  ASSERT_OK(records);
  EXPECT_EQ(records->size(), 2U);
}

TEST_F(ParquetMergeTest, ABadInputLeavesTheOutput) {
  const std::string a = Put("a", {Version("1", 0, "a1")});
  WriteBytes(dir_.File("bad"), "nothing");
  WriteBytes(output_, "precious");
  EXPECT_FAILS(Merge({a, dir_.File("bad")}), kInvalidArgument, "bad\" is not a Parquet file");
  EXPECT_FAILS(Merge({a, dir_.File("gone")}), kNotFound, "gone");
  EXPECT_EQ(ReadBytes(output_), "precious");
}

TEST_F(ParquetMergeTest, KeepsMetadataOnWhichAllInputsAgree) {
  const std::string a = Put("a", {Version("1", 0, "a1")},
                            {{"licence", "CC0"},
                             {"by", "a"},
                             {"only-a", "x"},
                             {"pandas", "{}"},
                             {"embeddingsdb:signatures:public_key", "k"}});
  const std::string b = Put("b", {Version("2", 0, "b1")},
                            {{"licence", "CC0"},
                             {"by", "b"},
                             {"pandas", "{}"},
                             {"embeddingsdb:signatures:public_key", "k"}});
  ASSERT_OK(Merge({a, b}, {.write = {.metadata = {{"merged", "yes"}}}}));
  const auto reader = ParquetReader::Open(output_);
  ASSERT_OK(reader);
  std::map<std::string, std::string> others = (*reader)->metadata();
  std::erase_if(others, [](const auto& pair) { return pair.first.starts_with("embeddings"); });
  EXPECT_EQ(others, (std::map<std::string, std::string>{{"licence", "CC0"}, {"merged", "yes"}}));
  EXPECT_EQ((*reader)->metadata().count("embeddingsdb:signatures:public_key"), 0U);
  EXPECT_EQ((*reader)->metadata().at("embeddingsdb:models"), "m");
}

TEST_F(ParquetMergeTest, KeepsWhatDocumentsAgreeOn) {
  const std::string digest = "sha256:0123456789abcdef";
  const auto facts = [&](std::string licence, std::string of_m, std::string metric) {
    return ParquetWriteOptions{
        .facts = {.licence = std::move(licence),
                  .models = {{"m", {.digest = std::move(of_m), .metric = std::move(metric)}}}}};
  };
  const std::string a = dir_.File("a");
  const std::string b = dir_.File("b");
  const std::string c = Put("c", {MakeRecord("p", "3", "other", {1})});  // says nothing of m
  ASSERT_OK(WriteParquet(a, {Version("1", 0, "a1")}, facts("CC0-1.0", digest, "cosine")));
  ASSERT_OK(WriteParquet(b, {Version("2", 0, "b1")}, facts("CC0-1.0", digest, "")));
  ASSERT_OK(Merge({a, b}));
  EXPECT_EQ(Document().Facts(), facts("CC0-1.0", digest, "").facts);
  ASSERT_OK(Merge({a, c}));
  EXPECT_EQ(Document().Facts(), facts("", digest, "cosine").facts);
  ASSERT_OK(Merge({a, c}, {.write = {.facts = {.licence = "CC-BY-4.0", .models = {}}}}));
  EXPECT_EQ(Document().Facts(), facts("CC-BY-4.0", digest, "cosine").facts);
  EXPECT_EQ(Document().models.size(), 2U);
  EXPECT_EQ(Document().models.front().records, 1);
}

TEST_F(ParquetMergeTest, RefusesTwoDigestsOfOneModel) {
  const std::string a = dir_.File("a");
  const std::string b = dir_.File("b");
  const auto with = [](std::string digest) {
    return ParquetWriteOptions{
        .facts = {.licence = "", .models = {{"m", {.digest = std::move(digest), .metric = ""}}}}};
  };
  ASSERT_OK(WriteParquet(a, {Version("1", 0, "a1")}, with("sha256:0123456789abcdef")));
  ASSERT_OK(WriteParquet(b, {Version("2", 0, "b1")}, with("sha256:fedcba9876543210")));
  EXPECT_FAILS(Merge({a, b}), kInvalidArgument,
               "model \"m\" has the digest \"sha256:0123456789abcdef\" in \"" + a +
                   "\" and \"sha256:fedcba9876543210\" in \"" + b + "\"");
  EXPECT_FALSE(std::filesystem::exists(output_));
  MergeOptions decided;
  decided.write = with("sha256:fedcba9876543210");
  ASSERT_OK(Merge({a, b}, decided));
  EXPECT_EQ(Document().models.front().digest, "sha256:fedcba9876543210");
}

TEST(OnDuplicate, IsParsedByName) {
  EXPECT_EQ(*ParseOnDuplicate("fail"), OnDuplicate::kFail);
  EXPECT_EQ(*ParseOnDuplicate("skip"), OnDuplicate::kSkip);
  EXPECT_EQ(*ParseOnDuplicate("overwrite"), OnDuplicate::kOverwrite);
  EXPECT_EQ(*ParseOnDuplicate("newest"), OnDuplicate::kNewest);
  EXPECT_FAILS(ParseOnDuplicate("first"), kInvalidArgument, "\"first\"");
}

}  // namespace
}  // namespace embeddingsdb
