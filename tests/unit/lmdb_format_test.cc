// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_format.h"

#include <gtest/gtest.h>
#include <limits>

#include "support/records.h"

namespace embeddingsdb {
namespace {

std::string Chunk(const LmdbChunkBuilder& builder) {
  std::string bytes(builder.bytes(), '\0');
  builder.WriteTo(bytes.data());
  return bytes;
}

TEST(LmdbBytes, ReadsWhatWasAppended) {
  std::string bytes;
  AppendFixed32(bytes, 0xdeadbeefU);
  AppendFixed64(bytes, ~std::uint64_t{0});
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, ~std::uint64_t{0}}) {
    AppendVarint(bytes, number);
  }
  for (const std::int64_t time :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'760'000'000},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    AppendTime(bytes, time);
  }
  AppendText(bytes, std::string(200, 'x'));
  LmdbBytes in(bytes);
  EXPECT_EQ(in.Fixed32(), 0xdeadbeefU);
  EXPECT_EQ(in.Fixed64(), ~std::uint64_t{0});
  EXPECT_EQ(in.Varint(), 0U);
  EXPECT_EQ(in.Varint(), 127U);
  EXPECT_EQ(in.Varint(), 128U);
  EXPECT_EQ(in.Varint(), ~std::uint64_t{0});
  EXPECT_EQ(in.Time(), 0);
  EXPECT_EQ(in.Time(), -1);
  EXPECT_EQ(in.Time(), 1'760'000'000);
  EXPECT_EQ(in.Time(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(in.Time(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(in.Text(), std::string(200, 'x'));
  EXPECT_TRUE(in.AtEnd());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    LmdbBytes short_in(std::string_view(bytes).substr(0, cut));
    short_in.Fixed32();
    short_in.Fixed64();
    for (int i = 0; i < 9; ++i) {
      short_in.Varint();
    }
    short_in.Text();
    EXPECT_FALSE(short_in.ok()) << cut;
  }
  LmdbBytes endless(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12));
  endless.Varint();
  EXPECT_FALSE(endless.ok());
}

TEST(LmdbFormat, BigEndianSortsAsNumbers) {
  EXPECT_LT(BigEndian(255), BigEndian(256));
  EXPECT_LT(BigEndian(~std::uint64_t{0} >> 1U), BigEndian(~std::uint64_t{0}));
  EXPECT_EQ(FromBigEndian(BigEndian(0x0123456789abcdefU)), 0x0123456789abcdefU);
}

TEST(LmdbFormat, NoDamageToASpaceOrAShapeIsOverlooked) {
  const std::string space =
      EncodeSpace({.model = "m", .provider = "p", .dimension = 512, .rows = 300});
  EXPECT_EQ(DecodeSpace(1, space).value().rows, 300);
  EXPECT_EQ(DecodeSpace(1, space).value().provider, "p");
  const std::string shape = EncodeShape({"a", "", "bc"});
  EXPECT_EQ(DecodeShape(1, shape).value(), (LmdbShape{"a", "", "bc"}));
  for (std::size_t bit = 0; bit < 8 * space.size(); ++bit) {
    std::string damaged = space;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FAILS(DecodeSpace(7, damaged), kDataLoss, "space 7");
  }
  for (std::size_t size = 0; size < shape.size(); ++size) {
    EXPECT_FAILS(DecodeShape(7, shape.substr(0, size)), kDataLoss, "shape 7");
  }
}

TEST(LmdbFormat, AttributesWithAndWithoutAShape) {
  const Attributes attributes = {{"a", "1"}, {"b", ""}, {"c", std::string(300, 'x')}};
  const LmdbShape names = {"a", "b", "c"};
  const std::string shaped = EncodeAttributes(attributes, 5);
  EXPECT_EQ(ShapeOf(shaped), 5U);
  EXPECT_EQ(DecodeAttributes(shaped, &names).value(), attributes);
  const std::string whole = EncodeAttributes(attributes, kNoShape);
  EXPECT_EQ(DecodeAttributes(whole, nullptr).value(), attributes);
  EXPECT_EQ(DecodeAttributes(EncodeAttributes({}, kNoShape), nullptr).value(), Attributes());
  const LmdbShape fewer = {"a", "b"};
  EXPECT_FAILS(DecodeAttributes(shaped, &fewer), kDataLoss, "attributes");
  EXPECT_FAILS(DecodeAttributes(whole.substr(0, 20), nullptr), kDataLoss, "attributes");
}

TEST(LmdbFormat, ListKeysSortInListOrder) {
  const auto join = [](std::string_view subject, std::string_view depiction) {
    return JoinListKey(
        {.subject_id = subject, .depiction_id = depiction, .model = "m", .provider = "p"});
  };
  EXPECT_LT(join("", "z"), join(" ", "a"));
  EXPECT_LT(join("a", "z"), join("a ", "a"));
  EXPECT_LT(join("a", "b"), join("a", "bb"));
  const std::string key = join("s", "d");
  EXPECT_EQ(SplitListKey(key).value().depiction_id, "d");
  EXPECT_EQ(SplitListKey(key).value().provider, "p");
  EXPECT_FALSE(SplitListKey("no separators").has_value());
  EXPECT_EQ(ListTableKey(std::string(495, 'k'), 1).size(), 495U);
  EXPECT_EQ(ListTableKey(std::string(496, 'k'), 1), std::string(495, 'k') + BigEndian(1));
}

TEST(LmdbChunk, GivesBackWhatWasGathered) {
  LmdbChunkBuilder builder;
  const std::string first(2'048, 'a');
  const std::string second(16, 'b');
  builder.Add(5, first);
  builder.Add(9, second);
  const std::string bytes = Chunk(builder);
  const LmdbChunk chunk = LmdbChunk::Parse(bytes).value();
  ASSERT_EQ(chunk.size(), 2U);
  EXPECT_EQ(chunk.row(1), 9);
  EXPECT_EQ(chunk.Find(5), first);
  EXPECT_EQ(chunk.Find(9), second);
  EXPECT_EQ(chunk.Find(4), std::nullopt);
  EXPECT_EQ(chunk.Find(7), std::nullopt);
  EXPECT_EQ(chunk.Find(10), std::nullopt);
}

TEST(LmdbChunk, FillsPagesWithVectorsOfEveryLength) {
  for (const std::size_t size : {4U, 512U, 2'048U, 4'096U, 6'144U, 16'384U, 32'768U}) {
    LmdbChunkBuilder builder;
    const std::string vector(size, 'x');
    RowId row = 1;
    while (builder.HasRoomFor(size)) {
      builder.Add(row++, vector);
    }
    const double pages = static_cast<double>((builder.bytes() + 16 + 4'095) / 4'096);
    const double packed = static_cast<double>(size * static_cast<std::size_t>(row - 1));
    if (size >= 512) {
      EXPECT_LT(pages * 4'096 / packed, 1.07) << size;
    }
    EXPECT_LE(row - 1, static_cast<RowId>(kChunkRows));
  }
}

TEST(LmdbChunk, NoByteLeadsOutsideOfIt) {
  LmdbChunkBuilder builder;
  const std::string vector(64, 'x');
  for (RowId row = 1; row < 5; ++row) {
    builder.Add(row, vector);
  }
  const std::string bytes = Chunk(builder);
  for (std::size_t i = 0; i < 80; ++i) {
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string damaged = bytes;
      damaged[i] = value;
      const auto chunk = LmdbChunk::Parse(damaged);
      for (RowId row = 0; chunk.ok() && row < 6; ++row) {
        const auto found = chunk->Find(row);
        EXPECT_TRUE(!found || found->empty() ||
                    (found->data() >= damaged.data() &&
                     found->data() + found->size() <= damaged.data() + damaged.size()));
      }
    }
  }
  for (std::size_t size = 0; size < 72; ++size) {
    EXPECT_FAILS(LmdbChunk::Parse(std::string_view(bytes).substr(0, size)), kDataLoss, "chunk");
  }
}

}  // namespace
}  // namespace embeddingsdb
