// SPDX-License-Identifier: BSD-3-Clause
//
// RowChecksum: what a stored row must still say when it is read. For record stores whose files have
// no checksums of their own.
#ifndef EMBEDDINGSDB_ENGINES_ROW_CHECKSUM_H_
#define EMBEDDINGSDB_ENGINES_ROW_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace embeddingsdb {

/// All of a row but the vector, as it is stored. Borrows everything.
struct RowFields {
  std::string_view provider;
  std::string_view depiction_id;
  std::string_view model;
  std::string_view subject_id;
  std::int64_t created = 0;
  std::int64_t lastmodified = 0;
  std::string_view attributes;
};

/// Two halves of 32 bits, so that either part of a row can be read and checked alone. The bits are
/// the lower ones of XXH3 (xxHash, specification of version 0.8), little-endian: of the vector's
/// bytes, and of the fields in the order above, each text preceded by its length in 8 bytes.
struct RowChecksum {
  std::uint32_t fields = 0;
  std::uint32_t vector = 0;

  static std::uint32_t OfFields(const RowFields& fields);
  static std::uint32_t OfVector(std::span<const std::byte> bytes);

  /// As one number: the fields' half is the upper one.
  std::int64_t Pack() const {
    return static_cast<std::int64_t>(std::uint64_t{fields} << 32U | vector);
  }
  static RowChecksum Unpack(std::int64_t packed) {
    const auto bits = static_cast<std::uint64_t>(packed);
    return {static_cast<std::uint32_t>(bits >> 32U), static_cast<std::uint32_t>(bits)};
  }
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_ROW_CHECKSUM_H_
