// SPDX-License-Identifier: BSD-3-Clause
#include "engines/row_checksum.h"

#include <bit>
#include <cstring>
#include <string>

// The library's functions would not be inlined, and short texts are hashed in a few nanoseconds.
#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library asks for it
#include <xxhash.h>

namespace embeddingsdb {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they lie");

void AppendNumber(std::string& bytes, std::uint64_t number) {
  char raw[sizeof(number)];
  std::memcpy(raw, &number, sizeof(number));
  bytes.append(raw, sizeof(raw));
}

void AppendText(std::string& bytes, std::string_view text) {
  AppendNumber(bytes, text.size());
  bytes += text;
}

}  // namespace

std::uint32_t RowChecksum::OfFields(const RowFields& fields) {
  // One buffer is faster than the streaming interface for the few hundred bytes of a row.
  std::string bytes;
  bytes.reserve(7 * sizeof(std::uint64_t) + fields.provider.size() + fields.depiction_id.size() +
                fields.model.size() + fields.subject_id.size() + fields.attributes.size());
  AppendText(bytes, fields.provider);
  AppendText(bytes, fields.depiction_id);
  AppendText(bytes, fields.model);
  AppendText(bytes, fields.subject_id);
  AppendNumber(bytes, static_cast<std::uint64_t>(fields.created));
  AppendNumber(bytes, static_cast<std::uint64_t>(fields.lastmodified));
  AppendText(bytes, fields.attributes);
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

std::uint32_t RowChecksum::OfVector(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace embeddingsdb
