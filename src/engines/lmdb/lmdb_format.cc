// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "core/text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace embeddingsdb {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers and vectors are little-endian");

template <typename Int>
Int Load(const char* bytes) {
  Int value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <typename Int>
void Store(char* out, Int value) {
  std::memcpy(out, &value, sizeof(value));
}

std::uint32_t Checksum(std::string_view bytes) {
  return RowChecksum::OfVector(std::as_bytes(std::span(bytes)));
}

/// Puts the checksum of what is behind its place into that place, the first four bytes.
void Seal(std::string& bytes) {
  Store(bytes.data(), Checksum(std::string_view(bytes).substr(sizeof(std::uint32_t))));
}

Status CheckSealed(std::string_view what, std::uint64_t id, std::string_view bytes) {
  LmdbBytes in(bytes);
  const std::uint32_t checksum = in.Fixed32();
  if (in.ok() && Checksum(in.rest()) == checksum) {
    return {};
  }
  return DataLossError(Concat(what, " ", id, " differs from its checksum"));
}

}  // namespace

std::string_view LmdbBytes::Take(std::size_t size) {
  if (size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::uint32_t LmdbBytes::Fixed32() {
  const std::string_view bytes = Take(sizeof(std::uint32_t));
  return bytes.empty() ? 0 : Load<std::uint32_t>(bytes.data());
}

std::uint64_t LmdbBytes::Fixed64() {
  const std::string_view bytes = Take(sizeof(std::uint64_t));
  return bytes.empty() ? 0 : Load<std::uint64_t>(bytes.data());
}

std::uint64_t LmdbBytes::Varint() {
  std::uint64_t value = 0;
  for (unsigned int shift = 0; shift < 64; shift += 7) {
    const std::string_view byte = Take(1);
    if (byte.empty()) {
      return 0;
    }
    const auto bits = static_cast<unsigned char>(byte[0]);
    value |= static_cast<std::uint64_t>(bits & 0x7fU) << shift;
    if ((bits & 0x80U) == 0) {
      return value;
    }
  }
  ok_ = false;
  return 0;
}

std::int64_t LmdbBytes::Time() {
  const std::uint64_t zigzag = Varint();
  return static_cast<std::int64_t>((zigzag >> 1U) ^ (~(zigzag & 1U) + 1));
}

std::string_view LmdbBytes::Text() {
  const std::uint64_t size = Varint();
  return Take(size);
}

void AppendFixed32(std::string& out, std::uint32_t value) {
  out.append(sizeof(value), '\0');
  Store(out.data() + out.size() - sizeof(value), value);
}

void AppendFixed64(std::string& out, std::uint64_t value) {
  out.append(sizeof(value), '\0');
  Store(out.data() + out.size() - sizeof(value), value);
}

void AppendVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) {
    out += static_cast<char>(static_cast<unsigned char>(value | 0x80U));
  }
  out += static_cast<char>(static_cast<unsigned char>(value));
}

void AppendTime(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  AppendVarint(out, (bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

void AppendText(std::string& out, std::string_view text) {
  AppendVarint(out, text.size());
  out += text;
}

std::string BigEndian(std::uint64_t value) {
  std::string bytes(sizeof(value), '\0');
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8U) {
    *byte = static_cast<char>(static_cast<unsigned char>(value & 0xffU));
  }
  return bytes;
}

std::uint64_t FromBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) {
    value = value << 8U | static_cast<unsigned char>(byte);
  }
  return value;
}

std::string EncodeSpace(const LmdbSpace& space) {
  std::string out(sizeof(std::uint32_t), '\0');
  AppendVarint(out, static_cast<std::uint64_t>(space.rows));
  AppendVarint(out, static_cast<std::uint64_t>(space.dimension));
  AppendText(out, space.model);
  AppendText(out, space.provider);
  Seal(out);
  return out;
}

Result<LmdbSpace> DecodeSpace(std::uint64_t id, std::string_view bytes) {
  EDB_TRY(CheckSealed("space", id, bytes));
  LmdbBytes in(bytes.substr(sizeof(std::uint32_t)));
  LmdbSpace space;
  space.rows = static_cast<std::int64_t>(in.Varint());
  space.dimension = static_cast<int>(in.Varint());
  space.model = in.Text();
  space.provider = in.Text();
  if (!in.AtEnd()) {
    return DataLossError(Concat("space ", id, " does not parse"));
  }
  return space;
}

std::string EncodeShape(const LmdbShape& shape) {
  std::string out(sizeof(std::uint32_t), '\0');
  AppendVarint(out, shape.size());
  for (const std::string& name : shape) {
    AppendText(out, name);
  }
  Seal(out);
  return out;
}

Result<LmdbShape> DecodeShape(std::uint64_t id, std::string_view bytes) {
  EDB_TRY(CheckSealed("shape", id, bytes));
  LmdbBytes in(bytes.substr(sizeof(std::uint32_t)));
  LmdbShape shape;
  for (std::uint64_t i = in.Varint(); i > 0 && in.ok(); --i) {
    shape.emplace_back(in.Text());
  }
  if (!in.AtEnd()) {
    return DataLossError(Concat("shape ", id, " does not parse"));
  }
  return shape;
}

std::string EncodeAttributes(const Attributes& attributes, std::uint64_t shape) {
  std::string out;
  AppendVarint(out, shape);
  if (shape == kNoShape) {
    AppendVarint(out, attributes.size());
  }
  for (const auto& [name, value] : attributes) {
    if (shape == kNoShape) {
      AppendText(out, name);
    }
    AppendText(out, value);
  }
  return out;
}

std::uint64_t ShapeOf(std::string_view attributes) {
  return LmdbBytes(attributes).Varint();
}

Result<Attributes> DecodeAttributes(std::string_view bytes, const LmdbShape* names) {
  LmdbBytes in(bytes);
  const std::uint64_t shape = in.Varint();
  Attributes attributes;
  if (shape == kNoShape) {
    for (std::uint64_t i = in.Varint(); i > 0 && in.ok(); --i) {
      const std::string_view name = in.Text();
      attributes.emplace_hint(attributes.end(), name, in.Text());
    }
  } else if (names != nullptr) {
    for (const std::string& name : *names) {
      attributes.emplace_hint(attributes.end(), name, in.Text());
    }
  }
  if (!in.AtEnd()) {
    return DataLossError("attributes do not parse");
  }
  return attributes;
}

void EncodeRow(const LmdbRow& row, std::string& out) {
  out.clear();
  AppendFixed64(out, static_cast<std::uint64_t>(row.checksum.Pack()));
  AppendTime(out, row.created);
  AppendTime(out, row.lastmodified);
  AppendVarint(out, row.space);
  AppendText(out, row.depiction_id);
  AppendText(out, row.subject_id);
  out += row.attributes;
}

Result<LmdbRow> DecodeRow(std::string_view bytes) {
  LmdbBytes in(bytes);
  LmdbRow row;
  row.checksum = RowChecksum::Unpack(static_cast<std::int64_t>(in.Fixed64()));
  row.created = in.Time();
  row.lastmodified = in.Time();
  row.space = in.Varint();
  row.depiction_id = in.Text();
  row.subject_id = in.Text();
  row.attributes = in.rest();
  if (!in.ok()) {
    return DataLossError("it does not parse");
  }
  return row;
}

std::uint32_t FieldsChecksum(const LmdbRow& row, std::string_view model,
                             std::string_view provider) {
  return RowChecksum::OfFields({.provider = provider,
                                .depiction_id = row.depiction_id,
                                .model = model,
                                .subject_id = row.subject_id,
                                .created = row.created,
                                .lastmodified = row.lastmodified,
                                .attributes = row.attributes});
}

std::uint64_t HashKey(const Key& key) {
  std::string bytes;
  bytes.reserve(16 + key.model.size() + key.provider.size() + key.depiction_id.size());
  AppendText(bytes, key.model);
  AppendText(bytes, key.provider);
  AppendText(bytes, key.depiction_id);
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string KeyPair(std::uint64_t hash, RowId row) {
  return BigEndian(hash) + BigEndian(static_cast<std::uint64_t>(row));
}

std::string JoinListKey(const ListKeyParts& parts) {
  std::string joined;
  joined.reserve(3 + parts.subject_id.size() + parts.depiction_id.size() + parts.model.size() +
                 parts.provider.size());
  joined.append(parts.subject_id).push_back('\0');
  joined.append(parts.depiction_id).push_back('\0');
  joined.append(parts.model).push_back('\0');
  joined.append(parts.provider);
  return joined;
}

std::optional<ListKeyParts> SplitListKey(std::string_view joined) {
  ListKeyParts parts;
  for (std::string_view* part : {&parts.subject_id, &parts.depiction_id, &parts.model}) {
    const std::size_t end = joined.find('\0');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    *part = joined.substr(0, end);
    joined.remove_prefix(end + 1);
  }
  parts.provider = joined;
  return parts;
}

std::string ListTableKey(std::string_view joined, RowId row) {
  if (joined.size() <= kListKeyBytes) {
    return std::string(joined);
  }
  return Concat(joined.substr(0, kListKeyBytes), BigEndian(static_cast<std::uint64_t>(row)));
}

Result<LmdbChunk> LmdbChunk::Parse(std::string_view bytes) {
  LmdbBytes in(bytes);
  const std::size_t size = in.Fixed32();
  const std::size_t head = LmdbChunkBuilder::kHeaderBytes + size * LmdbChunkBuilder::kEntryBytes;
  if (!in.ok() || size == 0 || size > kChunkRows || head > bytes.size()) {
    return DataLossError("a chunk of vectors does not parse");
  }
  return LmdbChunk(bytes, size);
}

RowId LmdbChunk::row(std::size_t i) const {
  return Load<RowId>(bytes_.data() + LmdbChunkBuilder::kHeaderBytes +
                     i * LmdbChunkBuilder::kEntryBytes);
}

std::string_view LmdbChunk::vector(std::size_t i) const {
  const char* entry =
      bytes_.data() + LmdbChunkBuilder::kHeaderBytes + i * LmdbChunkBuilder::kEntryBytes;
  const auto offset = Load<std::uint32_t>(entry + 8);
  const auto size = Load<std::uint32_t>(entry + 12);
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    return {};  // has no checksum that any vector has
  }
  return bytes_.substr(offset, size);
}

std::optional<std::string_view> LmdbChunk::Find(RowId wanted) const {
  std::size_t low = 0;
  std::size_t high = size_;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    (row(middle) < wanted ? low : high) = row(middle) < wanted ? middle + 1 : middle;
  }
  if (low == size_ || row(low) != wanted) {
    return std::nullopt;
  }
  return vector(low);
}

bool LmdbChunkBuilder::HasRoomFor(std::size_t vector_bytes) const {
  if (rows_.size() < kChunkLeastRows) {
    return true;
  }
  return rows_.size() < kChunkRows && bytes() + kEntryBytes + vector_bytes <= kChunkBytes;
}

void LmdbChunkBuilder::Add(RowId row, std::string_view vector) {
  rows_.push_back({row, vector});
  bytes_ += vector.size();
}

void LmdbChunkBuilder::WriteTo(char* out) const {
  Store(out, static_cast<std::uint32_t>(rows_.size()));
  Store(out + 4, std::uint32_t{0});
  std::size_t offset = kHeaderBytes + rows_.size() * kEntryBytes;
  char* entry = out + kHeaderBytes;
  for (const auto& [row, vector] : rows_) {
    Store(entry, row);
    Store(entry + 8, static_cast<std::uint32_t>(offset));
    Store(entry + 12, static_cast<std::uint32_t>(vector.size()));
    std::memcpy(out + offset, vector.data(), vector.size());
    offset += vector.size();
    entry += kEntryBytes;
  }
}

void LmdbChunkBuilder::Clear() {
  rows_.clear();
  bytes_ = 0;
}

}  // namespace embeddingsdb
