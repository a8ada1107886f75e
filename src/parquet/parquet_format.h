// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the Parquet format that the writer uses, and the columns of an exchange file
// (docs/formats.md). The numbers are those of the format's parquet.thrift.
#ifndef EMBEDDINGSDB_PARQUET_PARQUET_FORMAT_H_
#define EMBEDDINGSDB_PARQUET_PARQUET_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace embeddingsdb {

inline constexpr std::string_view kParquetMagic = "PAR1";

enum class PhysicalType : std::uint8_t { kInt64 = 2, kFloat = 4, kByteArray = 6 };
enum class Encoding : std::uint8_t { kPlain = 0, kRle = 3, kRleDictionary = 8 };
enum class Codec : std::uint8_t { kUncompressed = 0, kZstd = 6 };

/// Where a column's values stand in a record.
enum class Nesting : bool { kFlat, kRepeated };
/// Whether a chunk's smallest and largest value are noted in the footer.
enum class Bounds : bool { kNone, kMinMax };

/// A column that holds values. `path` has one part for flat columns, three for repeated ones.
struct LeafColumn {
  std::array<std::string_view, 3> path;
  PhysicalType type = PhysicalType::kByteArray;
  Encoding encoding = Encoding::kPlain;
  Codec codec = Codec::kZstd;
  Nesting nesting = Nesting::kFlat;
  Bounds bounds = Bounds::kNone;

  std::size_t depth() const { return nesting == Nesting::kFlat ? 1 : 3; }
};

/// The leaf columns in file order.
enum ColumnIndex : std::size_t {
  kProviderColumn,
  kDepictionIdColumn,
  kSubjectIdColumn,
  kModelColumn,
  kEmbeddingsColumn,
  kCreatedColumn,
  kAttributeKeyColumn,
  kAttributeValueColumn,
  kColumnCount,
};

/// Dictionaries for the two columns with few distinct values. Vectors stay uncompressed: zstd takes
/// 7 % off dense ones, and most of the speed (docs/adr/0004-parquet-writer.md).
inline constexpr std::array<LeafColumn, kColumnCount> kLeafColumns = {{
    {.path = {"provider"}, .encoding = Encoding::kRleDictionary, .bounds = Bounds::kMinMax},
    {.path = {"depiction_id"}, .bounds = Bounds::kMinMax},
    {.path = {"subject_id"}, .bounds = Bounds::kMinMax},
    {.path = {"model"}, .encoding = Encoding::kRleDictionary, .bounds = Bounds::kMinMax},
    {.path = {"embeddings", "list", "element"},
     .type = PhysicalType::kFloat,
     .codec = Codec::kUncompressed,
     .nesting = Nesting::kRepeated},
    {.path = {"created"},
     .type = PhysicalType::kInt64,
     .codec = Codec::kUncompressed,
     .bounds = Bounds::kMinMax},
    {.path = {"attributes", "key_value", "key"}, .nesting = Nesting::kRepeated},
    {.path = {"attributes", "key_value", "value"}, .nesting = Nesting::kRepeated},
}};

/// A kind of file: the name of its root, and the columns that hold values. Both are constants.
struct FileSchema {
  std::string_view root;
  std::span<const LeafColumn> columns;
};
inline constexpr FileSchema kRecordSchema = {.root = "Record", .columns = kLeafColumns};

/// What the footer says of one column chunk. Offsets are from the start of the file.
struct ChunkInfo {
  std::optional<std::int64_t> dictionary_offset;
  std::int64_t data_offset = 0;
  std::int64_t values = 0;
  std::int64_t uncompressed_bytes = 0;  ///< with page headers, as the format wants it
  std::int64_t compressed_bytes = 0;
  std::optional<std::string> min;  ///< plain-encoded
  std::optional<std::string> max;
};

struct RowGroupInfo {
  std::vector<ChunkInfo> chunks;  ///< one a column
  std::int64_t rows = 0;
};

struct PageSizes {
  std::size_t values = 0;
  std::size_t uncompressed = 0;  ///< bytes, without the header
  std::size_t compressed = 0;
};

/// Appends page headers.
void AppendDataPageHeader(std::string& out, const LeafColumn& column, const PageSizes& sizes);
void AppendDictionaryPageHeader(std::string& out, const PageSizes& sizes);

/// The name and version that a file bears as its maker's.
std::string_view CreatedBy();

/// Appends what follows a footer, which is all of `out`: its length and the magic.
void AppendTail(std::string& out);

/// The end of a file: metadata, its length, magic.
std::string EncodeFooter(const FileSchema& schema, std::span<const RowGroupInfo> row_groups,
                         const std::map<std::string, std::string>& metadata);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_PARQUET_FORMAT_H_
