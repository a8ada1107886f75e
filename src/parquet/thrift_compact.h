// SPDX-License-Identifier: BSD-3-Clause
//
// Thrift's compact protocol, as far as Parquet's footer and page headers need it: writing structs
// field by field, and checking the shape of a struct that somebody else wrote.
#ifndef EMBEDDINGSDB_PARQUET_THRIFT_COMPACT_H_
#define EMBEDDINGSDB_PARQUET_THRIFT_COMPACT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// Type codes of the compact protocol.
enum class ThriftType : std::uint8_t {
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

/// Appends one struct to a string. Fields are written in ascending order of their ids:
///   ThriftWriter thrift(out);
///   thrift.I32(1, type);
///   thrift.BeginStruct(5); thrift.I32(1, count); thrift.EndStruct();
///   thrift.EndStruct();  // the outermost one
/// Elements of a list of structs lie between BeginElement and EndStruct.
class ThriftWriter {
 public:
  explicit ThriftWriter(std::string& out) : out_(out) {}

  void Bool(int field, bool value);
  void Byte(int field, std::int8_t value);
  void I32(int field, std::int32_t value);
  void I64(int field, std::int64_t value);
  void Binary(int field, std::string_view value);
  void BeginStruct(int field);
  void EndStruct();
  /// A list header; `size` elements must follow.
  void BeginList(int field, ThriftType element, std::size_t size);
  void BeginElement();
  void I32Element(std::int32_t value);
  void BinaryElement(std::string_view value);
  /// A value that is encoded already: ThriftValue::bytes, but for strings.
  void Encoded(int field, ThriftType type, std::string_view value);
  void EncodedElement(std::string_view value);

 private:
  void Header(int field, ThriftType type);
  void Varint(std::uint64_t value);
  void Zigzag(std::int64_t value);

  std::string& out_;
  int last_field_ = 0;
  std::vector<int> outer_fields_;
};

/// A value that somebody wrote, taken apart. Borrows the bytes it was read from.
struct ThriftValue {
  ThriftType type = ThriftType::kStruct;
  int field = 0;                      ///< its id within a struct; 0 in a list
  std::int64_t number = 0;            ///< of an integer; 0 or 1 of a boolean
  std::string_view bytes;             ///< of a string its content, of others how they are encoded
  std::vector<ThriftValue> children;  ///< the fields of a struct, the elements of a list

  /// The first field with this id, or null.
  const ThriftValue* Find(int id) const;
};

/// True when `data` begins with one whole struct whose strings and lists lie inside `data` and
/// whose nesting is shallow. A parser that trusts the sizes it reads is safe on such bytes.
bool IsThriftStruct(std::string_view data);

/// The struct that `data` begins with. kInvalidArgument where IsThriftStruct is false;
/// kResourceExhausted for more than `max_values` fields and elements, each of which takes memory.
Result<ThriftValue> ParseThriftStruct(std::string_view data, std::size_t max_values);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_PARQUET_THRIFT_COMPACT_H_
