// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/manifest_file.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace embeddingsdb {
namespace {

using Json = nlohmann::json;

constexpr auto kColumns = std::to_array<LeafColumn>({
    {.path = {"provider"}, .encoding = Encoding::kRleDictionary, .bounds = Bounds::kMinMax},
    {.path = {"depiction_id"}, .bounds = Bounds::kMinMax},
    {.path = {"model"}, .encoding = Encoding::kRleDictionary, .bounds = Bounds::kMinMax},
    {.path = {"vector_hash"}},
    {.path = {"facts_hash"}},
});
constexpr FileSchema kSchema = {.root = "Manifest", .columns = kColumns};
constexpr std::string_view kStatementKey = "embeddingsdb:manifest";
constexpr std::string_view kSignatureKey = "embeddingsdb:manifest:signature";

std::optional<Digest> DigestOf(const Json& value) {
  return value.is_string() ? DigestFromHex(value.get_ref<const std::string&>()) : std::nullopt;
}

}  // namespace

ManifestStatement ManifestStatement::Of(MerkleTree& tree) {
  return {.rows = tree.leaves(), .root = tree.Root(), .blocks = tree.Blocks()};
}

std::string ManifestStatement::ToJson() const {
  std::string out = Concat(R"({"version":"1.0","hash":"sha256","rows":)", rows, R"(,"root":")",
                           ToHex(root), R"(","block_rows":)", kManifestBlockRows, R"(,"blocks":[)");
  for (const Digest& block : blocks) {
    out += Concat(out.back() == '[' ? "\"" : ",\"", ToHex(block), "\"");
  }
  return out + "]}";
}

Result<ManifestStatement> ManifestStatement::FromJson(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  const Status bad = InvalidArgumentError("the statement of the manifest is none of version 1");
  if (!parsed.is_object() || !parsed.contains("version") || !parsed["version"].is_string() ||
      !parsed["version"].get_ref<const std::string&>().starts_with("1.") ||
      !parsed.contains("rows") || !parsed["rows"].is_number_integer() || !parsed.contains("root") ||
      !parsed.contains("blocks") || !parsed["blocks"].is_array()) {
    return bad;
  }
  ManifestStatement statement;
  statement.rows = parsed["rows"].get<std::int64_t>();
  const std::optional<Digest> root = DigestOf(parsed["root"]);
  if (!root) {
    return bad;
  }
  statement.root = *root;
  for (const Json& value : parsed["blocks"]) {
    const std::optional<Digest> block = DigestOf(value);
    if (!block) {
      return bad;
    }
    statement.blocks.push_back(*block);
  }
  return statement;
}

ManifestWriter::ManifestWriter(std::unique_ptr<AtomicFile> file)
    : table_(std::move(file), kSchema) {}

Status ManifestWriter::Write(const ManifestRow& row) {
  tree_.Add(hasher_.Leaf(row));
  const std::string vector = ToHex(row.vector);
  const std::string facts = ToHex(row.facts);
  return table_.Write(std::to_array<std::string_view>(
      {row.key.provider, row.key.depiction_id, row.key.model, vector, facts}));
}

Status ManifestWriter::Finish(const Signer& signer) {
  statement_ = ManifestStatement::Of(tree_);
  const std::string text = statement_.ToJson();
  EDB_ASSIGN(std::string signature, signer.Sign(text));
  return table_.Finish(
      {{std::string(kStatementKey), text}, {std::string(kSignatureKey), std::move(signature)}});
}

Result<ManifestReader> ManifestReader::Open(const std::string& path) {
  EDB_ASSIGN(std::unique_ptr<StringTableReader> table, StringTableReader::Open(path, kSchema));
  return ManifestReader(std::move(table));
}

Result<ManifestStatement> ManifestReader::ReadStatement(const Verifier& verifier) const {
  const auto text = table_->metadata().find(std::string(kStatementKey));
  const auto signature = table_->metadata().find(std::string(kSignatureKey));
  if (text == table_->metadata().end() || signature == table_->metadata().end()) {
    return InvalidArgumentError(Concat(name(), " is no signed manifest"));
  }
  // Nothing of the statement is looked at before it is known whose it is.
  const Result<bool> valid = verifier.Verify(text->second, signature->second);
  if (!valid.ok()) {
    return valid.status().WithContext(Concat(name(), ", signature"));
  }
  if (!*valid) {
    return DataLossError(
        Concat(name(), " is not signed by this key, or its statement was changed since"));
  }
  Result<ManifestStatement> statement = ManifestStatement::FromJson(text->second);
  return statement.ok() ? std::move(statement) : statement.status().WithContext(name());
}

Result<bool> ManifestReader::Next(ManifestRow& row) {
  std::array<std::string_view, kColumns.size()> texts;
  EDB_ASSIGN(const bool more, table_->Next(texts));
  if (!more) {
    return false;
  }
  const std::optional<Digest> vector = DigestFromHex(texts[3]);
  const std::optional<Digest> facts = DigestFromHex(texts[4]);
  if (!vector || !facts) {
    return table_->AtRow(InvalidArgumentError(
        "vector_hash or facts_hash is not a SHA-256 of 64 hexadecimal digits"));
  }
  row.key.provider = texts[0];
  row.key.depiction_id = texts[1];
  row.key.model = texts[2];
  row.vector = *vector;
  row.facts = *facts;
  return true;
}

}  // namespace embeddingsdb
