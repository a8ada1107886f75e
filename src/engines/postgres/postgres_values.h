// SPDX-License-Identifier: BSD-3-Clause
//
// PostgreSQL's binary formats: what parameters, columns and COPY are made of. Numbers are in
// network order; float32 vectors travel as real[] or as pgvector's vector, so every bit arrives.
#ifndef EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_VALUES_H_
#define EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// The parameters of a statement, $1 first. Copies what it is given.
class PostgresParams {
 public:
  void Text(std::string_view value);
  void Json(std::string_view value);
  void Integer(std::int64_t value);
  void Texts(std::span<const std::string> values);
  void Integers(std::span<const std::int64_t> values);
  void Floats(std::span<const float> values);
  /// For "$N::vector", in half the bytes; the server tells the type, whose number is its own.
  void Vector(std::span<const float> values);

  std::size_t size() const { return values_.size(); }
  /// "$N" of the newest one.
  std::string Last() const { return "$" + std::to_string(values_.size()); }
  std::uint32_t type(std::size_t i) const { return values_[i].type; }
  std::string_view bytes(std::size_t i) const { return values_[i].bytes; }

 private:
  struct Value {
    std::uint32_t type = 0;
    std::string bytes;
  };
  std::vector<Value> values_;
};

/// The rows of a COPY ... FROM STDIN (FORMAT binary).
class PostgresCopy {
 public:
  PostgresCopy();
  /// Begins a row of so many columns, which follow.
  void Row(std::int16_t columns);
  void Text(std::string_view value);
  void Json(std::string_view value) { Text(value); }
  void Integer(std::int64_t value);
  void Floats(std::span<const float> values);
  /// Everything so far with its end mark. To be called last.
  std::string Finish();

 private:
  std::string bytes_;
};

/// What a column of a result holds. An integer has 2, 4 or 8 bytes, a real number 4 or 8; kDataLoss
/// for other lengths, and for an array that is no row of numbers without gaps.
Result<std::int64_t> DecodeInteger(std::string_view bytes);
Result<double> DecodeReal(std::string_view bytes);
Status DecodeFloats(std::string_view bytes, std::vector<float>& values);
/// Of pgvector's vector; kDataLoss when it is none.
Status DecodeVector(std::string_view bytes, std::vector<float>& values);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_POSTGRES_POSTGRES_VALUES_H_
