// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/signature_file.h"

#include <array>
#include <map>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/sha256.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr auto kColumns = std::to_array<LeafColumn>({
    {.path = {"provider"}, .encoding = Encoding::kRleDictionary, .bounds = Bounds::kMinMax},
    {.path = {"depiction_id"}, .bounds = Bounds::kMinMax},
    {.path = {"model"}, .encoding = Encoding::kRleDictionary, .bounds = Bounds::kMinMax},
    {.path = {"record_hash"}},
    {.path = {"record_signature"}},
});
constexpr FileSchema kSchema = {.root = "Signature", .columns = kColumns};

}  // namespace

SignatureWriter::SignatureWriter(std::unique_ptr<AtomicFile> file)
    : table_(std::move(file), kSchema) {}

Status SignatureWriter::Write(const Signature& signature) {
  return table_.Write(std::to_array<std::string_view>(
      {signature.key.provider, signature.key.depiction_id, signature.key.model,
       signature.record_hash, signature.record_signature}));
}

Status SignatureWriter::Finish(const std::string& public_key) {
  std::map<std::string, std::string> metadata;
  if (!public_key.empty()) {
    metadata.emplace(kPublicKeyKey, public_key);
  }
  return table_.Finish(metadata);
}

Result<SignatureReader> SignatureReader::Open(const std::string& path) {
  EDB_ASSIGN(std::unique_ptr<StringTableReader> table, StringTableReader::Open(path, kSchema));
  return SignatureReader(std::move(table));
}

Result<bool> SignatureReader::Next(Signature& signature) {
  std::array<std::string_view, kColumns.size()> row;
  EDB_ASSIGN(const bool more, table_->Next(row));
  if (!more) {
    return false;
  }
  if (!DigestFromHex(row[3])) {
    return table_->AtRow(InvalidArgumentError(
        Concat("record_hash ", Quote(row[3]), " is not a SHA-256 of 64 hexadecimal digits")));
  }
  if (row[4].size() > kMaxSignatureBytes) {
    return table_->AtRow(InvalidArgumentError(Concat("record_signature has ", row[4].size(),
                                                     " bytes, the limit is ", kMaxSignatureBytes)));
  }
  signature.key = {std::string(row[0]), std::string(row[1]), std::string(row[2])};
  signature.record_hash = row[3];
  signature.record_signature = row[4];
  return true;
}

}  // namespace embeddingsdb
