// SPDX-License-Identifier: BSD-3-Clause
//
// Signature files: Parquet, root `Signature`, a row for each record that was signed
// (docs/formats.md).
#ifndef EMBEDDINGSDB_SIGNATURES_SIGNATURE_FILE_H_
#define EMBEDDINGSDB_SIGNATURES_SIGNATURE_FILE_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/signatures.h"

#include "core/env.h"
#include "parquet/string_table.h"

namespace embeddingsdb {

/// The metadata key of the public key or certificate, for those who embed it.
inline constexpr std::string_view kPublicKeyKey = "embeddingsdb:signatures:public_key";

/// One thread at a time.
class SignatureWriter {
 public:
  explicit SignatureWriter(std::unique_ptr<AtomicFile> file);

  Status Write(const Signature& signature);
  /// `public_key` is put into the metadata unless it is empty.
  Status Finish(const std::string& public_key);

 private:
  StringTableWriter table_;
};

/// One thread at a time.
class SignatureReader {
 public:
  /// Errors are those of StringTableReader::Open.
  static Result<SignatureReader> Open(const std::string& path);

  /// False at the end. kInvalidArgument, naming the row, when record_hash is no SHA-256.
  Result<bool> Next(Signature& signature);
  std::int64_t rows() const { return table_->rows(); }

 private:
  explicit SignatureReader(std::unique_ptr<StringTableReader> table) : table_(std::move(table)) {}

  std::unique_ptr<StringTableReader> table_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_SIGNATURE_FILE_H_
