// SPDX-License-Identifier: BSD-3-Clause
//
// compression=quantize|matroyshka of sqlite://: how searches compare shortened vectors ("codes").
// Records keep their whole vectors whatever the compression; codes are made from them.
#ifndef EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSION_H_
#define EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "engines/sqlite/sqlite_handle.h"

namespace embeddingsdb {

/// The numbers are those of 'compression' in the file's table meta.
enum class SqliteCompression : std::uint8_t {
  kNone = 0,        ///< no codes: the index set searches the vectors themselves
  kQuantize = 1,    ///< a bit an element, 1 when it is greater than 0; Hamming distance
  kMatroyshka = 2,  ///< the first kMatroyshkaElements, brought to length 1; Euclidean distance
};

/// go-embeddingsdb's constant. Shorter vectors are taken as they are.
inline constexpr std::size_t kMatroyshkaElements = 512;

/// The name in a URI. Parsing also takes "quantized", as go-embeddingsdb's documents spell it.
std::string_view CompressionName(SqliteCompression compression);
Result<SqliteCompression> ParseCompression(std::string_view name);

/// What the file was made with. kFailedPrecondition for a number this program does not know.
Result<SqliteCompression> ReadCompression(const SqliteConnection& connection);

/// Elements of the codes of vectors of `dimension` elements: bits come in whole bytes, and those
/// beyond the vector's are 0 in every code, which changes no distance.
std::size_t CodeElements(SqliteCompression compression, std::size_t dimension);

/// The code of a vector, as sqlite-vec keeps it: bits with the first in the lowest bit of the first
/// byte, or float32. An all-zero vector stays all zeros.
std::vector<std::byte> MakeCode(SqliteCompression compression, std::span<const float> vector);

/// How SQL takes a code: the placeholder of a bound parameter.
std::string_view CodeParameter(SqliteCompression compression);

// Codes are in one vec0 table a model, whose number is the model's id in compressed_models:
//
//   compressed_models(id INTEGER PRIMARY KEY, model TEXT UNIQUE, elements INTEGER)
//   compressed_<id> USING vec0(code bit[elements] or float[elements])
//
// The rowid of a code is the id of its record. Codes change in the transaction of their records. A
// model keeps its id for ever.

/// Makes compressed_models and notes the compression. Within the caller's transaction.
Status CreateCompressedModels(const SqliteConnection& connection, SqliteCompression compression);

std::string CompressedTable(std::int64_t model_id);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_SQLITE_SQLITE_COMPRESSION_H_
