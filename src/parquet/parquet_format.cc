// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/parquet_format.h"

#include "parquet/thrift_compact.h"

namespace embeddingsdb {

namespace {

// Field ids and enum values of parquet.thrift, named where they are used.
constexpr std::int32_t kFormatVersion = 2;
constexpr std::int32_t kDataPage = 0;
constexpr std::int32_t kDictionaryPage = 2;
constexpr std::int32_t kRequired = 0;
constexpr std::int32_t kRepeated = 2;
constexpr std::int32_t kConvertedUtf8 = 0;
constexpr std::int32_t kConvertedMap = 1;
constexpr std::int32_t kConvertedList = 3;
constexpr std::int32_t kConvertedInt64 = 18;
constexpr int kLogicalString = 1;
constexpr int kLogicalMap = 2;
constexpr int kLogicalList = 3;
constexpr int kLogicalInteger = 10;
constexpr std::string_view kCreatedBy = "embeddingsdb version " EDB_VERSION " (build source)";

template <typename Enum>
std::int32_t Code(Enum value) {
  return static_cast<std::int32_t>(value);
}

std::int32_t Size32(std::size_t size) {
  return static_cast<std::int32_t>(size);
}

void PageHeader(ThriftWriter& thrift, std::int32_t type, const PageSizes& sizes) {
  thrift.I32(1, type);
  thrift.I32(2, Size32(sizes.uncompressed));
  thrift.I32(3, Size32(sizes.compressed));
}

void GroupElement(ThriftWriter& thrift, std::string_view name, std::int32_t repetition,
                  std::int32_t children) {
  thrift.BeginElement();
  thrift.I32(3, repetition);
  thrift.Binary(4, name);
  thrift.I32(5, children);
}

void EmptyLogicalType(ThriftWriter& thrift, std::int32_t converted, int logical) {
  thrift.I32(6, converted);
  thrift.BeginStruct(10);
  thrift.BeginStruct(logical);
  thrift.EndStruct();
  thrift.EndStruct();
}

void LeafElement(ThriftWriter& thrift, const LeafColumn& column) {
  thrift.BeginElement();
  thrift.I32(1, Code(column.type));
  thrift.I32(3, kRequired);
  thrift.Binary(4, column.path[column.depth() - 1]);
  if (column.type == PhysicalType::kByteArray) {
    EmptyLogicalType(thrift, kConvertedUtf8, kLogicalString);
  } else if (column.type == PhysicalType::kInt64) {
    thrift.I32(6, kConvertedInt64);
    thrift.BeginStruct(10);
    thrift.BeginStruct(kLogicalInteger);
    thrift.Byte(1, 64);
    thrift.Bool(2, true);
    thrift.EndStruct();
    thrift.EndStruct();
  }
  thrift.EndStruct();
}

/// How many leaf columns, from the one at `begin` on, are in its group; 1 for a flat column.
std::size_t GroupSize(const FileSchema& schema, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < schema.columns.size() &&
         schema.columns[end].path[0] == schema.columns[begin].path[0]) {
    ++end;
  }
  return end - begin;
}

/// The schema tree, depth first: the root, flat columns, and groups of three levels.
void Schema(ThriftWriter& thrift, const FileSchema& schema) {
  std::size_t elements = 1;
  std::int32_t children = 0;
  for (std::size_t i = 0; i < schema.columns.size(); i += GroupSize(schema, i)) {
    const bool flat = schema.columns[i].nesting == Nesting::kFlat;
    elements += GroupSize(schema, i) + (flat ? 0 : 2);
    ++children;
  }
  thrift.BeginList(2, ThriftType::kStruct, elements);
  thrift.BeginElement();  // the root has no repetition
  thrift.Binary(4, schema.root);
  thrift.I32(5, children);
  thrift.EndStruct();
  for (std::size_t i = 0; i < schema.columns.size();) {
    const LeafColumn& column = schema.columns[i];
    const std::size_t size = GroupSize(schema, i);
    if (column.nesting == Nesting::kRepeated) {
      const bool is_list = column.path[1] == "list";
      GroupElement(thrift, column.path[0], kRequired, 1);
      EmptyLogicalType(thrift, is_list ? kConvertedList : kConvertedMap,
                       is_list ? kLogicalList : kLogicalMap);
      thrift.EndStruct();
      GroupElement(thrift, column.path[1], kRepeated, Size32(size));
      thrift.EndStruct();
    }
    for (const std::size_t end = i + size; i < end; ++i) {
      LeafElement(thrift, schema.columns[i]);
    }
  }
}

void Statistics(ThriftWriter& thrift, const ChunkInfo& chunk) {
  if (!chunk.min || !chunk.max) {
    return;
  }
  thrift.BeginStruct(12);
  thrift.I64(3, 0);  // null_count: no column can be null
  thrift.Binary(5, *chunk.max);
  thrift.Binary(6, *chunk.min);
  thrift.Bool(7, true);  // both are exact
  thrift.Bool(8, true);
  thrift.EndStruct();
}

void ColumnChunk(ThriftWriter& thrift, const LeafColumn& column, const ChunkInfo& chunk) {
  thrift.BeginElement();
  thrift.I64(2, 0);  // file_offset: deprecated, the metadata follows here
  thrift.BeginStruct(3);
  thrift.I32(1, Code(column.type));
  const bool dictionary = column.encoding == Encoding::kRleDictionary;
  thrift.BeginList(2, ThriftType::kI32, dictionary ? 3 : 2);
  thrift.I32Element(Code(Encoding::kPlain));
  thrift.I32Element(Code(Encoding::kRle));
  if (dictionary) {
    thrift.I32Element(Code(Encoding::kRleDictionary));
  }
  thrift.BeginList(3, ThriftType::kBinary, column.depth());
  for (std::size_t i = 0; i < column.depth(); ++i) {
    thrift.BinaryElement(column.path[i]);
  }
  thrift.I32(4, Code(column.codec));
  thrift.I64(5, chunk.values);
  thrift.I64(6, chunk.uncompressed_bytes);
  thrift.I64(7, chunk.compressed_bytes);
  thrift.I64(9, chunk.data_offset);
  if (chunk.dictionary_offset) {
    thrift.I64(11, *chunk.dictionary_offset);
  }
  Statistics(thrift, chunk);
  thrift.EndStruct();
  thrift.EndStruct();
}

void RowGroup(ThriftWriter& thrift, const FileSchema& schema, const RowGroupInfo& group) {
  std::int64_t uncompressed = 0;
  std::int64_t compressed = 0;
  thrift.BeginElement();
  thrift.BeginList(1, ThriftType::kStruct, schema.columns.size());
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    ColumnChunk(thrift, schema.columns[i], group.chunks[i]);
    uncompressed += group.chunks[i].uncompressed_bytes;
    compressed += group.chunks[i].compressed_bytes;
  }
  const ChunkInfo& first = group.chunks[0];
  thrift.I64(2, uncompressed);
  thrift.I64(3, group.rows);
  thrift.I64(5, first.dictionary_offset.value_or(first.data_offset));
  thrift.I64(6, compressed);
  thrift.EndStruct();
}

}  // namespace

void AppendDataPageHeader(std::string& out, const LeafColumn& column, const PageSizes& sizes) {
  ThriftWriter thrift(out);
  PageHeader(thrift, kDataPage, sizes);
  thrift.BeginStruct(5);
  thrift.I32(1, Size32(sizes.values));
  thrift.I32(2, Code(column.encoding));
  thrift.I32(3, Code(Encoding::kRle));
  thrift.I32(4, Code(Encoding::kRle));
  thrift.EndStruct();
  thrift.EndStruct();
}

void AppendDictionaryPageHeader(std::string& out, const PageSizes& sizes) {
  ThriftWriter thrift(out);
  PageHeader(thrift, kDictionaryPage, sizes);
  thrift.BeginStruct(7);
  thrift.I32(1, Size32(sizes.values));
  thrift.I32(2, Code(Encoding::kPlain));
  thrift.EndStruct();
  thrift.EndStruct();
}

void AppendTail(std::string& out) {
  const auto length = static_cast<std::uint32_t>(out.size());
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>((length >> shift) & 0xFFU));
  }
  out.append(kParquetMagic);
}

std::string_view CreatedBy() {
  return kCreatedBy;
}

std::string EncodeFooter(const FileSchema& schema, std::span<const RowGroupInfo> row_groups,
                         const std::map<std::string, std::string>& metadata) {
  std::string out;
  ThriftWriter thrift(out);
  std::int64_t rows = 0;
  for (const RowGroupInfo& group : row_groups) {
    rows += group.rows;
  }
  thrift.I32(1, kFormatVersion);
  Schema(thrift, schema);
  thrift.I64(3, rows);
  thrift.BeginList(4, ThriftType::kStruct, row_groups.size());
  for (const RowGroupInfo& group : row_groups) {
    RowGroup(thrift, schema, group);
  }
  thrift.BeginList(5, ThriftType::kStruct, metadata.size());
  for (const auto& [key, value] : metadata) {
    thrift.BeginElement();
    thrift.Binary(1, key);
    thrift.Binary(2, value);
    thrift.EndStruct();
  }
  thrift.Binary(6, kCreatedBy);
  // Without column orders readers must not use min and max of strings.
  thrift.BeginList(7, ThriftType::kStruct, schema.columns.size());
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    thrift.BeginElement();
    thrift.BeginStruct(1);
    thrift.EndStruct();
    thrift.EndStruct();
  }
  thrift.EndStruct();
  AppendTail(out);
  return out;
}

}  // namespace embeddingsdb
