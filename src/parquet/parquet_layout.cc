// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/parquet_layout.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "embeddingsdb/limits.h"

#include "core/text.h"
#include "parquet/footer_json.h"
#include "parquet/parquet_format.h"

namespace embeddingsdb {

namespace {

// The names of the values of parquet.thrift's enumerations, and of LogicalType's fields.
constexpr std::array<std::string_view, 8> kTypes = {
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
constexpr std::array<std::string_view, 3> kRepetitions = {"REQUIRED", "OPTIONAL", "REPEATED"};
constexpr std::array<std::string_view, 10> kEncodings = {"PLAIN",
                                                         "",
                                                         "PLAIN_DICTIONARY",
                                                         "RLE",
                                                         "BIT_PACKED",
                                                         "DELTA_BINARY_PACKED",
                                                         "DELTA_LENGTH_BYTE_ARRAY",
                                                         "DELTA_BYTE_ARRAY",
                                                         "RLE_DICTIONARY",
                                                         "BYTE_STREAM_SPLIT"};
constexpr std::array<std::string_view, 8> kCodecs = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                                     "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
constexpr std::array<std::string_view, 17> kLogicalTypes = {
    "", "STRING",  "MAP",  "LIST", "ENUM", "DECIMAL", "DATE",    "TIME",   "TIMESTAMP",
    "", "INTEGER", "NULL", "JSON", "BSON", "UUID",    "FLOAT16", "VARIANT"};
constexpr std::array<std::string_view, 22> kConvertedTypes = {"UTF8",
                                                              "MAP",
                                                              "MAP_KEY_VALUE",
                                                              "LIST",
                                                              "ENUM",
                                                              "DECIMAL",
                                                              "DATE",
                                                              "TIME_MILLIS",
                                                              "TIME_MICROS",
                                                              "TIMESTAMP_MILLIS",
                                                              "TIMESTAMP_MICROS",
                                                              "UINT_8",
                                                              "UINT_16",
                                                              "UINT_32",
                                                              "UINT_64",
                                                              "INT_8",
                                                              "INT_16",
                                                              "INT_32",
                                                              "INT_64",
                                                              "JSON",
                                                              "BSON",
                                                              "INTERVAL"};
constexpr std::int64_t kRepeated = 2;

std::string NameOf(std::span<const std::string_view> names, std::int64_t value) {
  if (value >= 0 && static_cast<std::size_t>(value) < names.size() &&
      !names[static_cast<std::size_t>(value)].empty()) {
    return std::string(names[static_cast<std::size_t>(value)]);
  }
  return Concat("unknown (", value, ")");
}

std::int64_t NumberOf(const ThriftValue& value, int field, std::int64_t otherwise = 0) {
  const ThriftValue* found = value.Find(field);
  return found == nullptr ? otherwise : found->number;
}

std::string_view TextOf(const ThriftValue& value, int field) {
  const ThriftValue* found = value.Find(field);
  return found == nullptr ? std::string_view() : found->bytes;
}

std::span<const ThriftValue> ListOf(const ThriftValue& value, int field) {
  const ThriftValue* found = value.Find(field);
  return found == nullptr ? std::span<const ThriftValue>() : found->children;
}

std::string TypeOf(const ThriftValue& element) {
  std::string type = NameOf(kTypes, NumberOf(element, 1));
  const ThriftValue* logical = element.Find(10);
  if (logical != nullptr && !logical->children.empty()) {
    type += Concat(" (", NameOf(kLogicalTypes, logical->children.front().field), ")");
  } else if (const ThriftValue* converted = element.Find(6)) {
    type += Concat(" (", NameOf(kConvertedTypes, converted->number), ")");
  }
  return type;
}

class LayoutReader {
 public:
  LayoutReader(const ThriftValue& footer, std::int64_t pages_end)
      : footer_(footer), pages_end_(pages_end) {}

  ParquetLayout Read() {
    layout_.version = NumberOf(footer_, 1);
    layout_.rows = NumberOf(footer_, 3);
    layout_.created_by = TextOf(footer_, 6);
    for (const ThriftValue& pair : ListOf(footer_, 5)) {
      layout_.metadata.emplace_back(TextOf(pair, 1), TextOf(pair, 2));
    }
    ReadSchema();
    std::int64_t rows = 0;
    bool countable = true;
    for (const ThriftValue& group : ListOf(footer_, 4)) {
      const std::int64_t group_rows = NumberOf(group, 3);
      ReadRowGroup(group, group_rows);
      countable = countable && !__builtin_add_overflow(rows, group_rows, &rows) && group_rows >= 0;
    }
    if (!countable) {
      Problem("the footer has a row group with a number of rows that cannot be");
    } else if (rows != layout_.rows) {
      Problem("the footer says that there are ", layout_.rows, " rows, its row groups have ", rows);
    }
    return std::move(layout_);
  }

 private:
  struct Group {
    std::int64_t children_left;
    std::size_t path_bytes;  ///< of the path of what encloses it
    bool flat;
  };

  /// Puts the sentence together only when it is kept: every column chunk of a file can have one.
  template <typename... Parts>
  void Problem(const Parts&... parts) {
    if (layout_.problems.size() < kMaxFileProblems) {
      layout_.problems.push_back(Concat(parts...));
    } else {
      ++layout_.more_problems;
    }
  }

  /// The schema is a tree written depth first; its leaves are the columns.
  void ReadSchema() {
    const std::span<const ThriftValue> elements = ListOf(footer_, 2);
    if (elements.empty()) {
      return Problem("the footer has no schema");
    }
    std::vector<Group> groups = {{NumberOf(elements.front(), 5), 0, true}};
    std::string path;
    std::size_t all_paths = 0;
    for (const ThriftValue& element : elements.subspan(1)) {
      while (!groups.empty() && groups.back().children_left <= 0) {
        path.resize(groups.back().path_bytes);
        groups.pop_back();
      }
      if (groups.empty()) {
        return Problem("the schema in the footer is not a tree");
      }
      if (groups.size() > kMaxSchemaDepth) {
        return Problem("the schema in the footer is more than ", kMaxSchemaDepth, " deep");
      }
      --groups.back().children_left;
      const std::size_t outer = path.size();
      const bool flat = groups.back().flat && NumberOf(element, 3) != kRepeated;
      path += outer == 0 ? "" : ".";
      path += TextOf(element, 4);
      if (element.Find(1) == nullptr) {
        groups.push_back({NumberOf(element, 5), outer, flat});
        continue;
      }
      all_paths += path.size();
      if (all_paths > kMaxSchemaPathBytes) {
        return Problem("the paths of the columns in the footer are longer than the limit of ",
                       kMaxSchemaPathBytes, " bytes in all");
      }
      layout_.columns.push_back({.path = path,
                                 .type = TypeOf(element),
                                 .repetition = NameOf(kRepetitions, NumberOf(element, 3)),
                                 .flat = flat});
      path.resize(outer);
    }
  }

  void ReadRowGroup(const ThriftValue& group, std::int64_t rows) {
    const std::string name = Concat("row group ", layout_.row_groups.size());
    layout_.row_groups.push_back(rows);
    const std::span<const ThriftValue> chunks = ListOf(group, 1);
    if (chunks.size() != layout_.columns.size()) {
      Problem(name, " has ", chunks.size(), " columns, the schema has ", layout_.columns.size());
    }
    for (std::size_t i = 0; i < std::min(chunks.size(), layout_.columns.size()); ++i) {
      LayoutColumn& column = layout_.columns[i];
      const ThriftValue* data = chunks[i].Find(3);
      if (data == nullptr) {
        Problem(name, ", column ", column.path, ": the footer does not say where it is");
        continue;
      }
      if (!TextOf(chunks[i], 1).empty()) {
        Problem(name, ", column ", column.path, " lies in another file, ",
                Quote(TextOf(chunks[i], 1)));
      }
      CheckPlace(*data, name, column.path);
      const std::int64_t values = NumberOf(*data, 5);
      if (column.flat && values != rows) {
        Problem(name, ", column ", column.path, " has ", values, " values, the row group has ",
                rows, " rows");
      }
      AddChunk(*data, column);
    }
  }

  static void AddChunk(const ThriftValue& data, LayoutColumn& column) {
    // Wraps rather than overflows, where a file lies.
    const auto add = [&data](std::int64_t& sum, int field) {
      sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) +
                                      static_cast<std::uint64_t>(NumberOf(data, field)));
    };
    add(column.values, 5);
    add(column.uncompressed_bytes, 6);
    add(column.compressed_bytes, 7);
    column.codecs.insert(NameOf(kCodecs, NumberOf(data, 4)));
    for (const ThriftValue& encoding : ListOf(data, 2)) {
      column.encodings.insert(NameOf(kEncodings, encoding.number));
    }
  }

  void CheckPlace(const ThriftValue& data, std::string_view group, std::string_view path) {
    std::int64_t begin = NumberOf(data, 9);
    // Some writers put a 0 where they have no dictionary.
    if (const std::int64_t dictionary = NumberOf(data, 11); dictionary > 0) {
      begin = std::min(begin, dictionary);
    }
    const std::int64_t bytes = NumberOf(data, 7);
    const auto first = static_cast<std::int64_t>(kParquetMagic.size());
    if (begin < first || bytes < 0 || begin > pages_end_ || bytes > pages_end_ - begin) {
      Problem(group, ", column ", path, ": ", bytes, " bytes from ", begin,
              " on are not within the pages of the file, which are from ", first, " to ",
              pages_end_);
    }
  }

  const ThriftValue& footer_;
  std::int64_t pages_end_;
  ParquetLayout layout_;
};

}  // namespace

Result<ThriftValue> ParseFooter(const ParquetFile& file, std::string_view footer) {
  Result<ThriftValue> parsed = ParseThriftStruct(footer, kMaxFooterValues);
  if (parsed.ok()) {
    return parsed;
  }
  return parsed.status().WithContext(Concat("the footer of ", file.name()));
}

ParquetLayout ReadLayout(const ThriftValue& footer, std::int64_t pages_end) {
  return LayoutReader(footer, pages_end).Read();
}

Result<ParquetLayout> ReadLayout(const ParquetFile& file) {
  EDB_ASSIGN(const std::string footer, file.ReadFooter());
  EDB_ASSIGN(const ThriftValue parsed, ParseFooter(file, footer));
  return ReadLayout(parsed, file.footer_offset());
}

Result<ParquetLayout> ReadParquetLayout(const std::string& path) {
  EDB_ASSIGN(const ParquetFile file, ParquetFile::Open(path));
  return ReadLayout(file);
}

Result<std::string> ReadFooterJson(const std::string& path) {
  EDB_ASSIGN(const ParquetFile file, ParquetFile::Open(path));
  EDB_ASSIGN(const std::string footer, file.ReadFooter());
  EDB_ASSIGN(const ThriftValue parsed, ParseFooter(file, footer));
  return FooterToJson(parsed);
}

}  // namespace embeddingsdb
