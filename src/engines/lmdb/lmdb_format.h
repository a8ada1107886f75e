// SPDX-License-Identifier: BSD-3-Clause
//
// The LMDB directory of embeddingsdb, format version 1: data.mdb (and lock.mdb, which is LMDB's
// own) with seven tables. Numbers are little-endian; varint is LEB128; "text" is a varint length
// and bytes; time is seconds since 1970 in zigzag varint.
//
//   meta     "format" (text "embeddingsdb 1"), "database_id" (16 random bytes), and as 8-byte
//            numbers "next_row", "next_space", "next_shape", "last_update" (0: none yet)
//   spaces   number -> model and provider of rows, how many rows, how long their vectors
//   shapes   number -> names of attributes
//   keys     "k" -> pairs of hash and row id, 8 bytes each and big-endian, so that they are sorted
//   list     subject_id NUL depiction_id NUL model NUL provider -> row id: list order. Cut after
//            kListKeyBytes; then the row id follows, big-endian
//   rows     row id -> a record without its vector
//   vectors  largest row id -> a chunk: the vectors of up to kChunkRows rows
//
// Row ids grow for ever; replacing gives a new one. Spaces and shapes never change what they stand
// for, so rows repeat neither model, provider nor the names of attributes. Every row, space and
// shape has a checksum (row_checksum.h); what differs from it is kDataLoss and never served.
//
// Values above 2 KiB take whole pages of 4 KiB in LMDB, hence chunks: vectors of 512 elements would
// otherwise take twice their size.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_FORMAT_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

#include "engines/row_checksum.h"

namespace embeddingsdb {

inline constexpr std::string_view kLmdbFormat = "embeddingsdb 1";
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kDatabaseIdKey = "database_id";
inline constexpr std::string_view kNextRowKey = "next_row";
inline constexpr std::string_view kNextSpaceKey = "next_space";
inline constexpr std::string_view kNextShapeKey = "next_shape";
inline constexpr std::string_view kLastUpdateKey = "last_update";
/// The one key of table keys.
inline constexpr std::string_view kKeysKey = "k";

/// LMDB's keys have at most 511 bytes.
inline constexpr std::size_t kListKeyBytes = 495;
/// A chunk is closed when another vector would make it longer than 32 pages, but not before it has
/// kChunkLeastRows.
inline constexpr std::size_t kChunkBytes = std::size_t{32} * 4'096 - 16;
inline constexpr std::size_t kChunkLeastRows = 4;
inline constexpr std::size_t kChunkRows = 256;
/// Attribute names that rows refer to by number; rows with other names than these many sets carry
/// them themselves.
inline constexpr std::uint64_t kMaxShapes = 4'096;
/// Shape of a row that carries its names.
inline constexpr std::uint64_t kNoShape = 0;

/// Reads what the Append functions write. After the end everything reads as zero or empty, and
/// `ok` is false.
class LmdbBytes {
 public:
  explicit LmdbBytes(std::string_view bytes) : rest_(bytes) {}

  std::uint32_t Fixed32();
  std::uint64_t Fixed64();
  std::uint64_t Varint();
  std::int64_t Time();
  std::string_view Text();

  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }

 private:
  std::string_view Take(std::size_t size);

  std::string_view rest_;
  bool ok_ = true;
};

void AppendFixed32(std::string& out, std::uint32_t value);
void AppendFixed64(std::string& out, std::uint64_t value);
void AppendVarint(std::string& out, std::uint64_t value);
void AppendTime(std::string& out, std::int64_t value);
void AppendText(std::string& out, std::string_view text);

/// Big-endian, so that bytewise order is the order of numbers.
std::string BigEndian(std::uint64_t value);
std::uint64_t FromBigEndian(std::string_view bytes);

/// A space: one model of one provider.
struct LmdbSpace {
  std::string model;
  std::string provider;
  int dimension = 0;
  std::int64_t rows = 0;
};
std::string EncodeSpace(const LmdbSpace& space);
/// kDataLoss naming the space.
Result<LmdbSpace> DecodeSpace(std::uint64_t id, std::string_view bytes);

using LmdbShape = std::vector<std::string>;
std::string EncodeShape(const LmdbShape& shape);
Result<LmdbShape> DecodeShape(std::uint64_t id, std::string_view bytes);

/// A row as it is stored; borrows its bytes.
struct LmdbRow {
  RowChecksum checksum;
  std::int64_t created = 0;
  std::int64_t lastmodified = 0;
  std::uint64_t space = 0;
  std::string_view depiction_id;
  std::string_view subject_id;
  std::string_view attributes;  ///< encoded, the shape's number in front
};

/// `shape` is kNoShape for a row that carries its names.
std::string EncodeAttributes(const Attributes& attributes, std::uint64_t shape);
/// The number in front of encoded attributes.
std::uint64_t ShapeOf(std::string_view attributes);
/// `names` are those of the shape, nothing for kNoShape.
Result<Attributes> DecodeAttributes(std::string_view bytes, const LmdbShape* names);
void EncodeRow(const LmdbRow& row, std::string& out);
/// Kept apart from checking, which needs the names of the space. kDataLoss without the row's id.
Result<LmdbRow> DecodeRow(std::string_view bytes);
/// The checksum of all but the vector.
std::uint32_t FieldsChecksum(const LmdbRow& row, std::string_view model, std::string_view provider);

/// What a key is found by in table keys.
using LmdbKeyHash = std::uint64_t (*)(const Key&);
std::uint64_t HashKey(const Key& key);
/// A pair of table keys.
std::string KeyPair(std::uint64_t hash, RowId row);

/// Subject_id, depiction_id, model and provider with NUL between them. No part can hold a NUL, so
/// bytewise order is list order.
struct ListKeyParts {
  std::string_view subject_id;
  std::string_view depiction_id;
  std::string_view model;
  std::string_view provider;
};
std::string JoinListKey(const ListKeyParts& parts);
/// The parts of a joined key; nothing when it is none.
std::optional<ListKeyParts> SplitListKey(std::string_view joined);
/// The key in table list.
std::string ListTableKey(std::string_view joined, RowId row);

/// The vectors of a few rows, read in place. Borrows its bytes.
class LmdbChunk {
 public:
  /// kDataLoss when the bytes are no chunk.
  static Result<LmdbChunk> Parse(std::string_view bytes);

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_.size(); }
  RowId row(std::size_t i) const;
  std::string_view vector(std::size_t i) const;
  /// Nothing when the chunk does not have the row.
  std::optional<std::string_view> Find(RowId row) const;

 private:
  LmdbChunk(std::string_view bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  std::string_view bytes_;
  std::size_t size_ = 0;
};

/// Gathers vectors, by growing row ids, until they make a chunk. Borrows them.
class LmdbChunkBuilder {
 public:
  /// False when the chunk should be closed first.
  bool HasRoomFor(std::size_t vector_bytes) const;
  void Add(RowId row, std::string_view vector);
  bool empty() const { return rows_.empty(); }
  RowId last_row() const { return rows_.back().row; }
  std::size_t bytes() const { return bytes_ + rows_.size() * kEntryBytes + kHeaderBytes; }
  /// Writes bytes() bytes.
  void WriteTo(char* out) const;
  void Clear();

 private:
  friend class LmdbChunk;
  static constexpr std::size_t kHeaderBytes = 8;  // number of rows, and padding
  static constexpr std::size_t kEntryBytes = 16;  // row id, where its vector is, its length
  struct Entry {
    RowId row = 0;
    std::string_view vector;
  };

  std::vector<Entry> rows_;
  std::size_t bytes_ = 0;  // of the vectors
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_FORMAT_H_
