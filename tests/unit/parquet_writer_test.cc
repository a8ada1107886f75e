// SPDX-License-Identifier: BSD-3-Clause
#include <cmath>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/parquet.h"

#include "core/env.h"
#include "parquet/output_file.h"
#include "parquet/parquet_layout.h"
#include "parquet/thrift_compact.h"
#include "support/parquet_files.h"
#include "support/temp_dir.h"

namespace embeddingsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Everything that Validate lets through and a format could stumble over.
std::vector<Record> NastyRecords() {
  constexpr float kLargest = std::numeric_limits<float>::max();
  constexpr float kSubnormal = std::numeric_limits<float>::denorm_min();
  std::vector<Record> records;
  records.push_back(MakeRecord("p", "1", "m", {0.0F, -0.0F, kLargest, -kLargest, kSubnormal}));
  records.back().created = std::numeric_limits<std::int64_t>::min();
  records.push_back(MakeRecord("p", "2", "m", {1, 2, 3, 4, 5}));
  records.back().attributes.clear();
  records.back().subject_id.clear();
  records.back().created = std::numeric_limits<std::int64_t>::max();
  records.push_back(MakeRecord(std::string(kMaxProviderBytes, 'p'),
                               std::string(kMaxDepictionIdBytes, 'd'),
                               std::string(kMaxModelBytes, 'm'), {1e-7F}));
  records.back().subject_id = std::string(kMaxSubjectIdBytes, 's');
  records.back().created = -1;
  records.push_back(MakeRecord("\xC3\xA9' OR 1=1; --", "\xF0\x9F\x96\xBC/\\\"%*?[", "e\xCC\x81",
                               std::vector<float>(kMaxDimension, 0.25F)));
  records.back().attributes = {{"empty", ""},
                               {"newline", "a\n\tb\x01"},
                               {"long", std::string(kMaxAttributeValueBytes, '\xC3')},
                               {"\xE2\x82\xAC", "{\"json\":true}"}};
  // Valid UTF-8 that is as long as a value may be.
  std::string& text = records.back().attributes["long"];
  for (std::size_t i = 1; i < text.size(); i += 2) {
    text[i] = '\xA9';
  }
  records.push_back(MakeRecord("q", "5", "m", {0.1F, 0.2F, 0.3F, 0.4F, 0.5F}));
  for (std::size_t i = 0; i < kMaxAttributes; ++i) {
    records.back().attributes["key" + std::to_string(i)] = "v";
  }
  records.back().attributes.erase("subject_title");
  return records;
}

std::vector<Record> ManyRecords(int count, int dimension) {
  std::mt19937_64 random(TestSeed());
  std::vector<Record> records;
  for (int i = 0; i < count; ++i) {
    records.push_back(MakeRecord("provider " + std::to_string(i % 3), std::to_string(i), "model",
                                 RandomVector(random, dimension)));
    records.back().created = i;
    if (i % 4 == 0) {
      records.back().attributes.clear();
    }
  }
  return records;
}

/// Bit by bit, because -0.0 equals 0.0.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// A file in memory that is full after `room` bytes.
class FullDisk : public AtomicFile {
 public:
  FullDisk(std::size_t room, bool& committed) : room_(room), committed_(committed) {}
  Status Append(std::string_view data) override {
    if (data.size() > room_) {
      return ResourceExhaustedError("disk full");
    }
    room_ -= data.size();
    return Status();
  }
  Status Commit() override {
    committed_ = true;
    return Status();
  }

 private:
  std::size_t room_;
  bool& committed_;
};

TEST(ParquetWriter, KeepsNastyValuesBitByBit) {
  const TempDir dir;
  const std::vector<Record> records = NastyRecords();
  for (const Record& record : records) {
    ASSERT_OK(Validate(record));
  }
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), records));
  const Result<std::vector<Record>> read = ReadParquet(dir.File("a.parquet"));
  ASSERT_OK(read);
  ASSERT_EQ(*read, records);
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_TRUE(SameBits((*read)[i].embedding, records[i].embedding)) << i;
  }
}

TEST(ParquetWriter, WritesAFileWithoutRows) {
  const TempDir dir;
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), {}));
  const auto reader = ParquetReader::Open(dir.File("a.parquet"));
  ASSERT_OK(reader);
  EXPECT_EQ((*reader)->rows(), 0);
  EXPECT_EQ((*reader)->metadata().size(), 1U);  // the document, of nothing
  EXPECT_THAT((*reader)->metadata().at("embeddings"), HasSubstr("\"models\":[],\"providers\":[]"));
  Record record;
  const Result<bool> more = (*reader)->Next(record);
  ASSERT_OK(more);
  EXPECT_FALSE(*more);
}

TEST(ParquetWriter, SplitsIntoRowGroupsAndPages) {
  const TempDir dir;
  const std::vector<Record> records = ManyRecords(3000, 256);  // 3 MB: several pages a row group
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), records, {.row_group_bytes = 1'500'000}));
  Sql sql;
  EXPECT_THAT(sql.Texts("SELECT num_row_groups::VARCHAR FROM parquet_file_metadata('" +
                        dir.File("a.parquet") + "')"),
              ElementsAre("3"));
  const Result<std::vector<Record>> read = ReadParquet(dir.File("a.parquet"));
  ASSERT_OK(read);
  EXPECT_EQ(*read, records);
}

TEST(ParquetWriter, PutsEachRecordIntoItsOwnRowGroupWhenAskedTo) {
  const TempDir dir;
  const std::vector<Record> records = ManyRecords(20, 3);
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), records, {.row_group_bytes = 1}));
  const Result<std::vector<Record>> read = ReadParquet(dir.File("a.parquet"));
  ASSERT_OK(read);
  EXPECT_EQ(*read, records);
}

TEST(ParquetWriter, HasTheSchemaOfGoEmbeddingsdb) {
  const TempDir dir;
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), ManyRecords(5, 4)));
  Sql sql;
  EXPECT_THAT(
      sql.Texts("SELECT concat_ws(' ', name, type, repetition_type, num_children, converted_type, "
                "logical_type) FROM parquet_schema('" +
                dir.File("a.parquet") + "')"),
      ElementsAre("Record 7", "provider BYTE_ARRAY REQUIRED UTF8 StringType()",
                  "depiction_id BYTE_ARRAY REQUIRED UTF8 StringType()",
                  "subject_id BYTE_ARRAY REQUIRED UTF8 StringType()",
                  "model BYTE_ARRAY REQUIRED UTF8 StringType()",
                  "embeddings REQUIRED 1 LIST ListType()", "list REPEATED 1",
                  "element FLOAT REQUIRED",
                  // DuckDB prints the bit width as a character: @ is 64.
                  "created INT64 REQUIRED INT_64 IntType(bitWidth=@, isSigned=1)",
                  "attributes REQUIRED 1 MAP MapType()", "key_value REPEATED 2",
                  "key BYTE_ARRAY REQUIRED UTF8 StringType()",
                  "value BYTE_ARRAY REQUIRED UTF8 StringType()"));
}

TEST(ParquetWriter, NotesEncodingsCodecsAndBounds) {
  const TempDir dir;
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), ManyRecords(12, 4)));
  Sql sql;
  EXPECT_THAT(
      sql.Texts("SELECT concat_ws(' ', path_in_schema, encodings, compression, num_values, "
                "stats_min_value, stats_max_value, stats_null_count) FROM parquet_metadata('" +
                dir.File("a.parquet") + "')"),
      ElementsAre("provider PLAIN, RLE, RLE_DICTIONARY ZSTD 12 provider 0 provider 2 0",
                  "depiction_id PLAIN, RLE ZSTD 12 0 9 0",
                  "subject_id PLAIN, RLE ZSTD 12 subject-of-0 subject-of-9 0",
                  "model PLAIN, RLE, RLE_DICTIONARY ZSTD 12 model model 0",
                  "embeddings, list, element PLAIN, RLE UNCOMPRESSED 48",
                  "created PLAIN, RLE UNCOMPRESSED 12 0 11 0",
                  "attributes, key_value, key PLAIN, RLE ZSTD 12",
                  "attributes, key_value, value PLAIN, RLE ZSTD 12"));
  EXPECT_THAT(
      sql.Texts("SELECT created_by FROM parquet_file_metadata('" + dir.File("a.parquet") + "')"),
      ElementsAre(HasSubstr("embeddingsdb version ")));
}

TEST(ParquetWriter, BoundsAreUsableForFiltering) {
  const TempDir dir;
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), ManyRecords(400, 4), {.row_group_bytes = 500}));
  Sql sql;
  EXPECT_THAT(sql.Texts("SELECT depiction_id FROM '" + dir.File("a.parquet") +
                        "' WHERE created = 123 AND provider = 'provider 0'"),
              ElementsAre("123"));
}

TEST(ParquetWriter, WritesStatisticsAndTheCallersMetadata) {
  const TempDir dir;
  const std::vector<Record> records = {
      MakeRecord("b", "1", "x", {1, 2}), MakeRecord("a", "1", "x", {1, 2}),
      MakeRecord("a", "1", "w", {1, 2, 3}), MakeRecord("b", "2", "x", {1, 2})};
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), records,
                         {.metadata = {{"licence", "CC0"}, {"embeddingsdb:models", "wrong"}}}));
  const auto reader = ParquetReader::Open(dir.File("a.parquet"));
  ASSERT_OK(reader);
  const std::map<std::string, std::string> expected = {{"embeddingsdb:models", "x;w"},
                                                       {"embeddingsdb:providers", "b;a"},
                                                       {"embeddingsdb:model:x:providers", "b;a"},
                                                       {"embeddingsdb:model:w:providers", "a"},
                                                       {"embeddingsdb:provider:a:models", "x;w"},
                                                       {"embeddingsdb:provider:b:models", "x"},
                                                       {"embeddingsdb:model:x:dimensions", "2"},
                                                       {"embeddingsdb:model:w:dimensions", "3"},
                                                       {"licence", "CC0"}};
  std::map<std::string, std::string> metadata = (*reader)->metadata();
  EXPECT_EQ(metadata.erase("embeddings"), 1U);  // parquet_document_test looks into it
  EXPECT_EQ(metadata, expected);
}

TEST(ParquetWriter, ReplacesALongerFile) {
  const TempDir dir;
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), ManyRecords(500, 16)));
  const std::vector<Record> fewer = ManyRecords(2, 16);
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), fewer));
  const Result<std::vector<Record>> read = ReadParquet(dir.File("a.parquet"));
  ASSERT_OK(read);
  EXPECT_EQ(*read, fewer);
}

TEST(ParquetWriter, WithoutFinishLeavesTheTargetAndNothingElse) {
  const TempDir dir;
  WriteBytes(dir.File("a.parquet"), "precious");
  {
    const auto writer = ParquetWriter::Create(dir.File("a.parquet"), {.row_group_bytes = 100});
    ASSERT_OK(writer);
    for (const Record& record : ManyRecords(50, 8)) {
      ASSERT_OK((*writer)->Write(record));
    }
  }
  EXPECT_EQ(ReadBytes(dir.File("a.parquet")), "precious");
  const auto files = std::filesystem::directory_iterator(dir.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(ParquetWriter, RefusesInvalidRecordsAndGoesOn) {
  const TempDir dir;
  const auto writer = ParquetWriter::Create(dir.File("a.parquet"));
  ASSERT_OK(writer);
  const Record good = MakeRecord("p", "1", "m", {1});
  EXPECT_OK((*writer)->Write(good));
  EXPECT_FAILS((*writer)->Write(MakeRecord("p", "2", "m", {std::nanf("")})), kInvalidArgument,
               "embeddings[0]");
  EXPECT_FAILS((*writer)->Write(MakeRecord("", "2", "m", {1})), kInvalidArgument, "provider");
  ASSERT_OK((*writer)->Finish());
  EXPECT_EQ((*writer)->rows(), 1);
  EXPECT_FAILS((*writer)->Write(good), kFailedPrecondition, "finished");
  EXPECT_FAILS((*writer)->Finish(), kFailedPrecondition, "finished");
  const Result<std::vector<Record>> read = ReadParquet(dir.File("a.parquet"));
  ASSERT_OK(read);
  EXPECT_THAT(*read, ElementsAre(good));
}

TEST(ParquetWriter, AFullDiskIsAnErrorThatStaysAndCommitsNothing) {
  const std::vector<Record> records = ManyRecords(20, 64);
  for (const std::size_t room : {0U, 4U, 100U, 3000U}) {
    bool committed = false;
    const auto writer =
        NewParquetWriter(std::make_unique<FullDisk>(room, committed), {.row_group_bytes = 1000});
    ASSERT_OK(writer);
    Status status;
    for (const Record& record : records) {
      status = (*writer)->Write(record);
      if (!status.ok()) {
        break;
      }
    }
    EXPECT_FAILS(status, kResourceExhausted, "disk full");
    EXPECT_FAILS((*writer)->Finish(), kResourceExhausted, "disk full");
    EXPECT_FALSE(committed);
  }
}

TEST(ParquetWriter, WritesToADeviceWithoutReplacingIt) {
  const auto writer = ParquetWriter::Create("/dev/full");
  ASSERT_OK(writer);
  EXPECT_FAILS((*writer)->Write(MakeRecord("p", "1", "m", {1})), kResourceExhausted, "/dev/full");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(ParquetWriter, RefusesADirectoryAndAMissingFolder) {
  const TempDir dir;
  EXPECT_FAILS(ParquetWriter::Create(dir.path()), kInvalidArgument, "directory");
  EXPECT_FAILS(ParquetWriter::Create(dir.File("no/such/a.parquet")), kNotFound, "no/such");
  EXPECT_FAILS(ParquetWriter::Create(""), kInvalidArgument, "empty");
  EXPECT_FAILS(ParquetWriter::Create(dir.File("a"), {.row_group_bytes = 0}), kInvalidArgument,
               "row_group_bytes 0");
}

TEST(ParquetWriter, TheSameRecordsGiveTheSameBytes) {
  const TempDir dir;
  const std::vector<Record> records = ManyRecords(200, 8);
  ASSERT_OK(WriteParquet(dir.File("a.parquet"), records));
  ASSERT_OK(WriteParquet(dir.File("b.parquet"), records));
  EXPECT_EQ(ReadBytes(dir.File("a.parquet")), ReadBytes(dir.File("b.parquet")));
}

TEST(ParquetStatistics, ListsInOrderOfFirstAppearance) {
  ParquetStatistics statistics;
  statistics.Add(MakeRecord("p2", "1", "m2", {1, 2}));
  statistics.Add(MakeRecord("p1", "1", "m2", {1, 2, 3}));  // the first vector's length counts
  statistics.Add(MakeRecord("p2", "2", "m1", {1}));
  EXPECT_THAT(statistics.models, ElementsAre("m2", "m1"));
  EXPECT_THAT(statistics.providers, ElementsAre("p2", "p1"));
  EXPECT_THAT(statistics.model_providers["m2"], ElementsAre("p2", "p1"));
  EXPECT_THAT(statistics.provider_models["p2"], ElementsAre("m2", "m1"));
  EXPECT_EQ(statistics.model_dimensions["m2"], 2);
}

TEST(ThriftCompact, AcceptsWhatItWritesAndNoPrefixOfIt) {
  std::string bytes;
  ThriftWriter thrift(bytes);
  thrift.I32(1, -7);
  thrift.Binary(20, "text");  // a field id that needs the long form
  thrift.BeginList(21, ThriftType::kI32, 20);
  for (int i = 0; i < 20; ++i) {
    thrift.I32Element(i * 1000);
  }
  thrift.BeginStruct(22);
  thrift.Bool(1, true);
  thrift.Byte(2, 5);
  thrift.EndStruct();
  thrift.I64(23, std::numeric_limits<std::int64_t>::min());
  thrift.EndStruct();
  EXPECT_TRUE(IsThriftStruct(bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(IsThriftStruct(bytes.substr(0, i)));
  }
}

TEST(ParquetLayout, PathsThatShareALongNameHaveALimit) {
  constexpr int kColumns = 1'000;
  std::string footer;
  ThriftWriter thrift(footer);
  thrift.BeginList(2, ThriftType::kStruct, kColumns + 2);
  thrift.BeginElement();
  thrift.I32(5, 1);
  thrift.EndStruct();
  thrift.BeginElement();
  thrift.Binary(4, std::string(64 * 1'024, 'x'));
  thrift.I32(5, kColumns);
  thrift.EndStruct();
  for (int i = 0; i < kColumns; ++i) {
    thrift.BeginElement();
    thrift.I32(1, 1);
    thrift.Binary(4, "y");
    thrift.EndStruct();
  }
  thrift.EndStruct();
  const auto parsed = ParseThriftStruct(footer, kMaxFooterValues);
  ASSERT_OK(parsed);
  const ParquetLayout layout = ReadLayout(*parsed, 4);
  ASSERT_EQ(layout.problems.size(), 1U);
  EXPECT_EQ(layout.problems.front(),
            "the paths of the columns in the footer are longer than the limit of 16777216 bytes in "
            "all");
  EXPECT_LT(layout.columns.size(), 257U);
}

TEST(ThriftCompact, WrapsIdsOfFieldsThatLie) {
  // A byte with the largest id of 64 bits, written out, and one that is 5 further.
  const std::string bytes("\x03\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x07\x53\x09\x00", 15);
  const auto parsed = ParseThriftStruct(bytes, 100);
  ASSERT_OK(parsed);
  ASSERT_EQ(parsed->children.size(), 2U);
  EXPECT_EQ(parsed->children[0].field, -1);
  EXPECT_EQ(parsed->children[1].field, 4);
  EXPECT_EQ(parsed->children[1].number, 9);
}

TEST(ThriftCompact, TakesApartWhatItWrites) {
  std::string bytes;
  ThriftWriter thrift(bytes);
  thrift.I64(1, std::numeric_limits<std::int64_t>::min());
  thrift.Binary(20, "text");
  thrift.BeginList(21, ThriftType::kI32, 2);
  thrift.I32Element(-3);
  thrift.I32Element(4);
  thrift.BeginStruct(22);
  thrift.Bool(1, true);
  thrift.Bool(2, false);
  thrift.Byte(3, -5);
  thrift.EndStruct();
  thrift.EndStruct();
  const auto parsed = ParseThriftStruct(bytes, 100);
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->Find(1)->number, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parsed->Find(20)->bytes, "text");
  EXPECT_EQ(parsed->Find(21)->children.at(0).number, -3);
  EXPECT_EQ(parsed->Find(21)->children.at(1).number, 4);
  EXPECT_EQ(parsed->Find(22)->Find(1)->number, 1);
  EXPECT_EQ(parsed->Find(22)->Find(2)->number, 0);
  EXPECT_EQ(parsed->Find(22)->Find(3)->number, -5);
  EXPECT_EQ(parsed->Find(2), nullptr);

  // Its parts put together again are the same bytes.
  std::string again;
  ThriftWriter copy(again);
  for (const ThriftValue& field : parsed->children) {
    if (field.type == ThriftType::kBinary) {
      copy.Binary(field.field, field.bytes);
    } else {
      copy.Encoded(field.field, field.type, field.bytes);
    }
  }
  copy.EndStruct();
  EXPECT_EQ(again, bytes);

  EXPECT_FAILS(ParseThriftStruct(bytes, 8), kResourceExhausted, "more than 8 values");
  EXPECT_FAILS(ParseThriftStruct(bytes.substr(0, 20), 100), kInvalidArgument, "cannot be read");
}

TEST(ThriftCompact, RefusesListsLongerThanTheDataAndDeepNesting) {
  std::string bytes;
  ThriftWriter thrift(bytes);
  thrift.BeginList(1, ThriftType::kStruct, 1'000'000'000);
  bytes.append(100, '\0');
  EXPECT_FALSE(IsThriftStruct(bytes));
  EXPECT_FALSE(IsThriftStruct(std::string(1000, '\x1C')));  // a struct in a struct in ...
}

}  // namespace
}  // namespace embeddingsdb
