// SPDX-License-Identifier: BSD-3-Clause
//
// The file of a manifest: Parquet, root `Manifest`, and in its metadata the statement that is
// signed (docs/formats.md).
#ifndef EMBEDDINGSDB_SIGNATURES_MANIFEST_FILE_H_
#define EMBEDDINGSDB_SIGNATURES_MANIFEST_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "embeddingsdb/signatures.h"

#include "core/env.h"
#include "parquet/string_table.h"
#include "signatures/manifest_row.h"
#include "signatures/merkle_tree.h"

namespace embeddingsdb {

/// What a manifest's signature is of.
struct ManifestStatement {
  std::int64_t rows = 0;
  Digest root;
  std::vector<Digest> blocks;

  static ManifestStatement Of(MerkleTree& tree);
  std::string ToJson() const;
  /// kInvalidArgument for another text, or another version.
  static Result<ManifestStatement> FromJson(const std::string& json);

  bool operator==(const ManifestStatement&) const = default;
};

/// One thread at a time.
class ManifestWriter {
 public:
  explicit ManifestWriter(std::unique_ptr<AtomicFile> file);

  Status Write(const ManifestRow& row);
  /// Signs the statement about all rows, and commits the file.
  Status Finish(const Signer& signer);
  /// Valid after Finish.
  const ManifestStatement& statement() const { return statement_; }

 private:
  StringTableWriter table_;
  ManifestHasher hasher_;
  MerkleTree tree_;
  ManifestStatement statement_;
};

/// One thread at a time.
class ManifestReader {
 public:
  /// kInvalidArgument when the file is no manifest.
  static Result<ManifestReader> Open(const std::string& path);

  /// The statement, when its signature is by the key of `verifier`; else kDataLoss.
  Result<ManifestStatement> ReadStatement(const Verifier& verifier) const;
  /// False at the end.
  Result<bool> Next(ManifestRow& row);
  /// The path, quoted for messages.
  const std::string& name() const { return table_->name(); }

 private:
  explicit ManifestReader(std::unique_ptr<StringTableReader> table) : table_(std::move(table)) {}

  std::unique_ptr<StringTableReader> table_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_MANIFEST_FILE_H_
