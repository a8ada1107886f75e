// SPDX-License-Identifier: BSD-3-Clause
#include "parquet/footer_json.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "embeddingsdb/limits.h"

#include "core/base64.h"
#include "core/json.h"
#include "core/text.h"

namespace embeddingsdb {

namespace {

enum class Kind : std::uint8_t {
  kInt,        // 0 when it is not there
  kIntOrNull,  // null when it is not there
  kBool,
  kText,
  kBytes,
  kStruct,
  kStructOrNull,
  kInts,
  kTexts,
  kStructs,
};

/// A field of a struct of parquet.thrift. Tables of them end with an id of 0.
struct Field {
  int id = 0;
  std::string_view name;
  Kind kind = Kind::kInt;
  const Field* fields = nullptr;  // of a struct, or of the structs in a list
};

constexpr std::array<Field, 1> kNoFields = {{{}}};

constexpr std::array<Field, 4> kTimeUnit = {{
    {1, "Millis", Kind::kStructOrNull, kNoFields.data()},
    {2, "Micros", Kind::kStructOrNull, kNoFields.data()},
    {3, "Nanos", Kind::kStructOrNull, kNoFields.data()},
    {},
}};
constexpr std::array<Field, 3> kTime = {{
    {1, "IsAdjustedToUTC", Kind::kBool},
    {2, "Unit", Kind::kStruct, kTimeUnit.data()},
    {},
}};
constexpr std::array<Field, 3> kDecimal = {{{1, "Scale"}, {2, "Precision"}, {}}};
constexpr std::array<Field, 3> kInteger = {{{1, "BitWidth"}, {2, "IsSigned", Kind::kBool}, {}}};
constexpr std::array<Field, 16> kLogicalType = {{
    {1, "UTF8", Kind::kStructOrNull, kNoFields.data()},
    {2, "Map", Kind::kStructOrNull, kNoFields.data()},
    {3, "List", Kind::kStructOrNull, kNoFields.data()},
    {4, "Enum", Kind::kStructOrNull, kNoFields.data()},
    {5, "Decimal", Kind::kStructOrNull, kDecimal.data()},
    {6, "Date", Kind::kStructOrNull, kNoFields.data()},
    {7, "Time", Kind::kStructOrNull, kTime.data()},
    {8, "Timestamp", Kind::kStructOrNull, kTime.data()},
    {10, "Integer", Kind::kStructOrNull, kInteger.data()},
    {11, "Unknown", Kind::kStructOrNull, kNoFields.data()},
    {12, "Json", Kind::kStructOrNull, kNoFields.data()},
    {13, "Bson", Kind::kStructOrNull, kNoFields.data()},
    {14, "UUID", Kind::kStructOrNull, kNoFields.data()},
    {15, "Float16", Kind::kStructOrNull, kNoFields.data()},
    {16, "Variant", Kind::kStructOrNull, kNoFields.data()},
    {},
}};
constexpr std::array<Field, 11> kSchemaElement = {{
    {1, "Type", Kind::kIntOrNull},
    {2, "TypeLength", Kind::kIntOrNull},
    {3, "RepetitionType", Kind::kIntOrNull},
    {4, "Name", Kind::kText},
    {5, "NumChildren"},
    {6, "ConvertedType", Kind::kIntOrNull},
    {7, "Scale", Kind::kIntOrNull},
    {8, "Precision", Kind::kIntOrNull},
    {9, "FieldID"},
    {10, "LogicalType", Kind::kStructOrNull, kLogicalType.data()},
    {},
}};
constexpr std::array<Field, 3> kKeyValue = {
    {{1, "Key", Kind::kText}, {2, "Value", Kind::kText}, {}}};
constexpr std::array<Field, 7> kStatistics = {{
    {1, "Max", Kind::kBytes},
    {2, "Min", Kind::kBytes},
    {3, "NullCount"},
    {4, "DistinctCount"},
    {5, "MaxValue", Kind::kBytes},
    {6, "MinValue", Kind::kBytes},
    {},
}};
constexpr std::array<Field, 4> kEncodingStats = {
    {{1, "PageType"}, {2, "Encoding"}, {3, "Count"}, {}}};
constexpr std::array<Field, 4> kSizeStatistics = {{
    {1, "UnencodedByteArrayDataBytes", Kind::kIntOrNull},
    {2, "RepetitionLevelHistogram", Kind::kInts},
    {3, "DefinitionLevelHistogram", Kind::kInts},
    {},
}};
constexpr std::array<Field, 17> kColumnMetaData = {{
    {1, "Type"},
    {2, "Encoding", Kind::kInts},
    {3, "PathInSchema", Kind::kTexts},
    {4, "Codec"},
    {5, "NumValues"},
    {6, "TotalUncompressedSize"},
    {7, "TotalCompressedSize"},
    {8, "KeyValueMetadata", Kind::kStructs, kKeyValue.data()},
    {9, "DataPageOffset"},
    {10, "IndexPageOffset"},
    {11, "DictionaryPageOffset"},
    {12, "Statistics", Kind::kStruct, kStatistics.data()},
    {13, "EncodingStats", Kind::kStructs, kEncodingStats.data()},
    {14, "BloomFilterOffset"},
    {15, "BloomFilterLength", Kind::kIntOrNull},
    {16, "SizeStatistics", Kind::kStructOrNull, kSizeStatistics.data()},
    {},
}};
constexpr std::array<Field, 3> kColumnKey = {
    {{1, "PathInSchema", Kind::kTexts}, {2, "KeyMetadata", Kind::kBytes}, {}}};
constexpr std::array<Field, 3> kColumnCrypto = {{
    {1, "EncryptionWithFooterKey", Kind::kStructOrNull, kNoFields.data()},
    {2, "EncryptionWithColumnKey", Kind::kStructOrNull, kColumnKey.data()},
    {},
}};
constexpr std::array<Field, 10> kColumnChunk = {{
    {1, "FilePath", Kind::kText},
    {2, "FileOffset"},
    {3, "MetaData", Kind::kStruct, kColumnMetaData.data()},
    {4, "OffsetIndexOffset"},
    {5, "OffsetIndexLength"},
    {6, "ColumnIndexOffset"},
    {7, "ColumnIndexLength"},
    {8, "CryptoMetadata", Kind::kStruct, kColumnCrypto.data()},
    {9, "EncryptedColumnMetadata", Kind::kBytes},
    {},
}};
constexpr std::array<Field, 4> kSortingColumn = {
    {{1, "ColumnIdx"}, {2, "Descending", Kind::kBool}, {3, "NullsFirst", Kind::kBool}, {}}};
constexpr std::array<Field, 8> kRowGroup = {{
    {1, "Columns", Kind::kStructs, kColumnChunk.data()},
    {2, "TotalByteSize"},
    {3, "NumRows"},
    {4, "SortingColumns", Kind::kStructs, kSortingColumn.data()},
    {5, "FileOffset"},
    {6, "TotalCompressedSize"},
    {7, "Ordinal"},
    {},
}};
constexpr std::array<Field, 2> kColumnOrder = {
    {{1, "TypeOrder", Kind::kStructOrNull, kNoFields.data()}, {}}};
constexpr std::array<Field, 4> kAesGcm = {{
    {1, "AadPrefix", Kind::kBytes},
    {2, "AadFileUnique", Kind::kBytes},
    {3, "SupplyAadPrefix", Kind::kBool},
    {},
}};
constexpr std::array<Field, 3> kEncryption = {{
    {1, "AesGcmV1", Kind::kStructOrNull, kAesGcm.data()},
    {2, "AesGcmCtrV1", Kind::kStructOrNull, kAesGcm.data()},
    {},
}};
constexpr std::array<Field, 10> kFileMetaData = {{
    {1, "Version"},
    {2, "Schema", Kind::kStructs, kSchemaElement.data()},
    {3, "NumRows"},
    {4, "RowGroups", Kind::kStructs, kRowGroup.data()},
    {5, "KeyValueMetadata", Kind::kStructs, kKeyValue.data()},
    {6, "CreatedBy", Kind::kText},
    {7, "ColumnOrders", Kind::kStructs, kColumnOrder.data()},
    {8, "EncryptionAlgorithm", Kind::kStruct, kEncryption.data()},
    {9, "FooterSigningKeyMetadata", Kind::kBytes},
    {},
}};

void AppendStruct(std::string& out, const ThriftValue& value, const Field* fields);

void AppendElement(std::string& out, const ThriftValue& value, const Field& field) {
  if (field.kind == Kind::kInts) {
    out += std::to_string(value.number);
  } else if (field.kind == Kind::kTexts) {
    AppendJsonString(out, value.bytes);
  } else {
    AppendStruct(out, value, field.fields);
  }
}

void AppendAbsent(std::string& out, const Field& field) {
  switch (field.kind) {
    case Kind::kInt:
      out += '0';
      return;
    case Kind::kBool:
      out += "false";
      return;
    case Kind::kText:
      out += "\"\"";
      return;
    case Kind::kStruct:
      return AppendStruct(out, ThriftValue(), field.fields);
    default:
      out += "null";
  }
}

void AppendValue(std::string& out, const ThriftValue& value, const Field& field) {
  switch (field.kind) {
    case Kind::kInt:
    case Kind::kIntOrNull:
      out += std::to_string(value.number);
      return;
    case Kind::kBool:
      out += value.number != 0 ? "true" : "false";
      return;
    case Kind::kText:
      return AppendJsonString(out, value.bytes);
    case Kind::kBytes:
      out += '"';
      AppendBase64(out, value.bytes);
      out += '"';
      return;
    case Kind::kStruct:
    case Kind::kStructOrNull:
      return AppendStruct(out, value, field.fields);
    case Kind::kInts:
    case Kind::kTexts:
    case Kind::kStructs:
      break;
  }
  out += '[';
  for (const ThriftValue& element : value.children) {
    if (out.size() > kMaxFooterJsonBytes) {
      return;  // it is given up, see FooterToJson
    }
    out += out.back() == '[' ? "" : ",";
    AppendElement(out, element, field);
  }
  out += ']';
}

void AppendStruct(std::string& out, const ThriftValue& value, const Field* fields) {
  out += '{';
  for (const Field* field = fields; field->id != 0; ++field) {
    out += field == fields ? "\"" : ",\"";
    out.append(field->name).append("\":");
    if (const ThriftValue* found = value.Find(field->id)) {
      AppendValue(out, *found, *field);
    } else {
      AppendAbsent(out, *field);
    }
  }
  out += '}';
}

}  // namespace

Result<std::string> FooterToJson(const ThriftValue& footer) {
  std::string out;
  AppendStruct(out, footer, kFileMetaData.data());
  if (out.size() > kMaxFooterJsonBytes) {
    return ResourceExhaustedError(
        Concat("the footer as JSON has more than ", kMaxFooterJsonBytes, " bytes"));
  }
  return out;
}

}  // namespace embeddingsdb
