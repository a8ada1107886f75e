// SPDX-License-Identifier: BSD-3-Clause
#include "engines/postgres/postgres_values.h"

#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/text.h"

namespace embeddingsdb {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are swapped into network order");

// Of pg_type.dat; they never change.
constexpr std::uint32_t kUnknown = 0;
constexpr std::uint32_t kBigint = 20;
constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kJson = 114;
constexpr std::uint32_t kReal = 700;
constexpr std::uint32_t kTexts = 1009;
constexpr std::uint32_t kBigints = 1016;
constexpr std::uint32_t kReals = 1021;

// An array's header: dimensions, "has nulls", type of its elements, length, first subscript.
constexpr std::size_t kArrayHeader = 5 * sizeof(std::uint32_t);
constexpr std::size_t kFloatBytes = 2 * sizeof(std::uint32_t);  // each with its length in front
// Of pgvector's vector: its length, and nothing.
constexpr std::size_t kVectorHeader = 2 * sizeof(std::uint16_t);

std::uint32_t Swapped(std::uint32_t value) {
  return __builtin_bswap32(value);
}
std::uint64_t Swapped(std::uint64_t value) {
  return __builtin_bswap64(value);
}
std::uint16_t Swapped(std::uint16_t value) {
  return __builtin_bswap16(value);
}

template <typename Unsigned>
void Append(std::string& out, Unsigned value) {
  const Unsigned swapped = Swapped(value);
  char bytes[sizeof(swapped)];
  std::memcpy(bytes, &swapped, sizeof(swapped));
  out.append(bytes, sizeof(swapped));
}

template <typename Unsigned>
Unsigned Read(std::string_view bytes, std::size_t offset = 0) {
  Unsigned value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return Swapped(value);
}

void AppendLength(std::string& out, std::size_t bytes) {
  Append(out, static_cast<std::uint32_t>(bytes));
}

void AppendArrayHeader(std::string& out, std::uint32_t type, std::size_t length) {
  Append(out, std::uint32_t{length == 0 ? 0U : 1U});
  Append(out, std::uint32_t{0});
  Append(out, type);
  if (length != 0) {
    AppendLength(out, length);
    Append(out, std::uint32_t{1});
  }
}

void AppendFloats(std::string& out, std::span<const float> values) {
  AppendArrayHeader(out, kReal, values.size());
  const std::size_t begin = out.size();
  out.resize(begin + values.size() * kFloatBytes);
  char* place = out.data() + begin;
  const std::uint32_t length = Swapped(std::uint32_t{sizeof(float)});
  for (const float value : values) {
    const std::uint32_t bits = Swapped(std::bit_cast<std::uint32_t>(value));
    std::memcpy(place, &length, sizeof(length));
    std::memcpy(place + sizeof(length), &bits, sizeof(bits));
    place += kFloatBytes;
  }
}

}  // namespace

void PostgresParams::Text(std::string_view value) {
  values_.push_back({kText, std::string(value)});
}

void PostgresParams::Json(std::string_view value) {
  values_.push_back({kJson, std::string(value)});
}

void PostgresParams::Integer(std::int64_t value) {
  std::string bytes;
  Append(bytes, static_cast<std::uint64_t>(value));
  values_.push_back({kBigint, std::move(bytes)});
}

void PostgresParams::Texts(std::span<const std::string> values) {
  std::string bytes;
  AppendArrayHeader(bytes, kText, values.size());
  for (const std::string& value : values) {
    AppendLength(bytes, value.size());
    bytes += value;
  }
  values_.push_back({kTexts, std::move(bytes)});
}

void PostgresParams::Integers(std::span<const std::int64_t> values) {
  std::string bytes;
  AppendArrayHeader(bytes, kBigint, values.size());
  for (const std::int64_t value : values) {
    AppendLength(bytes, sizeof(value));
    Append(bytes, static_cast<std::uint64_t>(value));
  }
  values_.push_back({kBigints, std::move(bytes)});
}

void PostgresParams::Floats(std::span<const float> values) {
  std::string bytes;
  AppendFloats(bytes, values);
  values_.push_back({kReals, std::move(bytes)});
}

void PostgresParams::Vector(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(kVectorHeader + values.size() * sizeof(float));
  Append(bytes, static_cast<std::uint16_t>(values.size()));
  Append(bytes, std::uint16_t{0});
  for (const float value : values) {
    Append(bytes, std::bit_cast<std::uint32_t>(value));
  }
  values_.push_back({kUnknown, std::move(bytes)});
}

PostgresCopy::PostgresCopy() {
  using std::string_view_literals::operator""sv;
  bytes_ = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv;  // signature, no flags, no extension
}

void PostgresCopy::Row(std::int16_t columns) {
  Append(bytes_, static_cast<std::uint16_t>(columns));
}

void PostgresCopy::Text(std::string_view value) {
  AppendLength(bytes_, value.size());
  bytes_ += value;
}

void PostgresCopy::Integer(std::int64_t value) {
  AppendLength(bytes_, sizeof(value));
  Append(bytes_, static_cast<std::uint64_t>(value));
}

void PostgresCopy::Floats(std::span<const float> values) {
  AppendLength(bytes_, values.empty() ? 3 * sizeof(std::uint32_t)
                                      : kArrayHeader + values.size() * kFloatBytes);
  AppendFloats(bytes_, values);
}

std::string PostgresCopy::Finish() {
  Append(bytes_, std::uint16_t{0xFFFF});
  return std::move(bytes_);
}

Result<std::int64_t> DecodeInteger(std::string_view bytes) {
  switch (bytes.size()) {
    case sizeof(std::int16_t):
      return std::int64_t{static_cast<std::int16_t>(Read<std::uint16_t>(bytes))};
    case sizeof(std::int32_t):
      return std::int64_t{static_cast<std::int32_t>(Read<std::uint32_t>(bytes))};
    case sizeof(std::int64_t):
      return static_cast<std::int64_t>(Read<std::uint64_t>(bytes));
    default:
      return DataLossError(Concat("a number has ", bytes.size(), " bytes"));
  }
}

Result<double> DecodeReal(std::string_view bytes) {
  switch (bytes.size()) {
    case sizeof(float):
      return static_cast<double>(std::bit_cast<float>(Read<std::uint32_t>(bytes)));
    case sizeof(double):
      return std::bit_cast<double>(Read<std::uint64_t>(bytes));
    default:
      return DataLossError(Concat("a number has ", bytes.size(), " bytes"));
  }
}

Status DecodeFloats(std::string_view bytes, std::vector<float>& values) {
  const auto damaged = [&] {
    return DataLossError(Concat("embedding is no row of real numbers (", bytes.size(), " bytes)"));
  };
  values.clear();
  if (bytes.size() < kArrayHeader || Read<std::uint32_t>(bytes) != 1 ||
      Read<std::uint32_t>(bytes, 8) != kReal) {
    return damaged();
  }
  const std::size_t length = Read<std::uint32_t>(bytes, 12);
  if ((bytes.size() - kArrayHeader) / kFloatBytes != length ||
      (bytes.size() - kArrayHeader) % kFloatBytes != 0) {
    return damaged();  // a gap has no bytes of its own
  }
  values.resize(length);
  const char* place = bytes.data() + kArrayHeader;
  for (float& value : values) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, place + sizeof(bits), sizeof(bits));
    value = std::bit_cast<float>(Swapped(bits));
    place += kFloatBytes;
  }
  return {};
}

Status DecodeVector(std::string_view bytes, std::vector<float>& values) {
  values.clear();
  const std::size_t length = bytes.size() < kVectorHeader ? 0 : Read<std::uint16_t>(bytes);
  if (length == 0 || bytes.size() != kVectorHeader + length * sizeof(float)) {
    return DataLossError(Concat("a vector of pgvector has ", bytes.size(), " bytes"));
  }
  values.resize(length);
  const char* place = bytes.data() + kVectorHeader;
  for (float& value : values) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, place, sizeof(bits));
    value = std::bit_cast<float>(Swapped(bits));
    place += sizeof(bits);
  }
  return {};
}

}  // namespace embeddingsdb
