// SPDX-License-Identifier: BSD-3-Clause
#include "engines/sqlite/sqlite_compression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr auto kNames = std::to_array<std::pair<std::string_view, SqliteCompression>>({
    {"none", SqliteCompression::kNone},
    {"quantize", SqliteCompression::kQuantize},
    {"matroyshka", SqliteCompression::kMatroyshka},
    {"quantized", SqliteCompression::kQuantize},
});

constexpr char kModels[] = R"(
CREATE TABLE compressed_models(
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL UNIQUE,
  elements INTEGER NOT NULL
) STRICT;
)";

std::vector<std::byte> SignBits(std::span<const float> vector) {
  std::vector<std::byte> code(CodeElements(SqliteCompression::kQuantize, vector.size()) / 8);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (vector[i] > 0) {
      code[i / 8] |= std::byte{1} << (i % 8);
    }
  }
  return code;
}

std::vector<std::byte> NormalSlice(std::span<const float> vector) {
  const std::span<const float> slice = vector.first(std::min(vector.size(), kMatroyshkaElements));
  double squares = 0;
  for (const float element : slice) {
    squares += static_cast<double>(element) * static_cast<double>(element);
  }
  const double length = squares > 0 ? std::sqrt(squares) : 1.0;
  std::vector<std::byte> code(slice.size() * sizeof(float));
  for (std::size_t i = 0; i < slice.size(); ++i) {
    const auto element = static_cast<float>(static_cast<double>(slice[i]) / length);
    std::memcpy(code.data() + i * sizeof(float), &element, sizeof(float));
  }
  return code;
}

}  // namespace

std::string_view CompressionName(SqliteCompression compression) {
  return std::find_if(kNames.begin(), kNames.end(),
                      [&](const auto& name) { return name.second == compression; })
      ->first;
}

Result<SqliteCompression> ParseCompression(std::string_view name) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& n) { return n.first == name; });
  if (found == kNames.end()) {
    return InvalidArgumentError(Concat("Invalid or unsupported compression ", Quote(name),
                                       "; known are none, quantize and matroyshka"));
  }
  return found->second;
}

Result<SqliteCompression> ReadCompression(const SqliteConnection& connection) {
  EDB_ASSIGN(SqliteStatement value,
             connection.Prepare("SELECT value FROM meta WHERE name = 'compression'"));
  EDB_ASSIGN(const bool noted, value.Step());
  if (!noted) {
    return SqliteCompression::kNone;
  }
  const std::int64_t number = value.Integer(0);
  for (const auto& [name, compression] : kNames) {
    if (static_cast<std::int64_t>(compression) == number) {
      return compression;
    }
  }
  return FailedPreconditionError(
      Concat("the file has compression number ", number, ", which this program does not know"));
}

std::size_t CodeElements(SqliteCompression compression, std::size_t dimension) {
  return compression == SqliteCompression::kQuantize ? (dimension + 7) / 8 * 8
                                                     : std::min(dimension, kMatroyshkaElements);
}

std::vector<std::byte> MakeCode(SqliteCompression compression, std::span<const float> vector) {
  return compression == SqliteCompression::kQuantize ? SignBits(vector) : NormalSlice(vector);
}

std::string_view CodeParameter(SqliteCompression compression) {
  return compression == SqliteCompression::kQuantize ? "vec_bit(?)" : "?";
}

Status CreateCompressedModels(const SqliteConnection& connection, SqliteCompression compression) {
  EDB_TRY(connection.Execute(kModels));
  EDB_ASSIGN(SqliteStatement note,
             connection.Prepare("INSERT INTO meta(name, value) VALUES('compression', ?)"));
  note.Bind(1, static_cast<std::int64_t>(compression));
  return note.Run();
}

std::string CompressedTable(std::int64_t model_id) {
  return Concat("compressed_", model_id);
}

}  // namespace embeddingsdb
