// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/manifest_row.h"

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "signatures/merkle_tree.h"

namespace embeddingsdb {
namespace {

static_assert(std::endian::native == std::endian::little, "hashed numbers are little-endian");

template <typename Number>
void AppendNumber(std::string& out, Number value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(Number)>>(value);
  out.append(bytes.data(), bytes.size());
}

/// With its length in front, so that no two lists of texts have the same bytes.
void AppendText(std::string& out, std::string_view text) {
  AppendNumber(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

}  // namespace

void ManifestHasher::Fill(const Record& record, ManifestRow& row) {
  row.key = record.key;
  row.vector = sha256_.Of(std::string_view(reinterpret_cast<const char*>(record.embedding.data()),
                                           record.embedding.size() * sizeof(float)));
  buffer_.clear();
  AppendText(buffer_, record.subject_id);
  AppendNumber(buffer_, record.created);
  AppendNumber(buffer_, static_cast<std::uint32_t>(record.attributes.size()));
  for (const auto& [name, value] : record.attributes) {
    AppendText(buffer_, name);
    AppendText(buffer_, value);
  }
  row.facts = sha256_.Of(buffer_);
}

Digest ManifestHasher::Leaf(const ManifestRow& row) {
  buffer_.assign(kLeafPrefix);
  AppendText(buffer_, row.key.provider);
  AppendText(buffer_, row.key.depiction_id);
  AppendText(buffer_, row.key.model);
  buffer_.append(BytesOf(row.vector));
  buffer_.append(BytesOf(row.facts));
  return sha256_.Of(buffer_);
}

}  // namespace embeddingsdb
