// SPDX-License-Identifier: BSD-3-Clause
//
// Signing the records of a Parquet file one by one, and verifying them.
#ifndef EMBEDDINGSDB_SIGNATURES_SIGN_RECORDS_H_
#define EMBEDDINGSDB_SIGNATURES_SIGN_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/signatures.h"

#include "core/env.h"
#include "signatures/signature_store.h"

namespace embeddingsdb {

struct SignOptions {
  bool check = true;              ///< verify each signature as soon as it is made
  bool embed_public_key = false;  ///< into the metadata
  int workers = 0;                ///< threads; 0: one a processor
};

struct SignReport {
  std::int64_t signed_records = 0;
  std::int64_t verified = 0;

  bool operator==(const SignReport&) const = default;
};

/// Writes the signature of each record of the Parquet file `input` into `output`, in the order of
/// the records, and commits it. Errors are those of reading, of the signer and of the disk;
/// kInternal when a signature does not pass its check.
Result<SignReport> SignRecords(const std::string& input, std::unique_ptr<AtomicFile> output,
                               const Signer& signer, const SignOptions& options = {});

/// What is found out about a record.
enum class Verdict : std::uint8_t {
  kValid,
  kInvalid,  ///< its signatures are of something else, or by another key
  kMissing,  ///< no signature has its hash: never signed, or changed since
  kError,    ///< a signature that is none
};

/// "valid", "invalid", "missing" or "error".
std::string_view VerdictName(Verdict verdict);

/// A record that is not valid.
struct WrongRecord {
  std::int64_t row = 0;  ///< in its file, counting from 0
  Key key;
  Verdict verdict = Verdict::kMissing;
  std::string reason;
};

struct VerifyOptions {
  int workers = 0;                           ///< threads; 0: one a processor
  std::size_t max_named = kMaxFileProblems;  ///< wrong records that are named
};

struct SignatureReport {
  std::int64_t count = 0;
  std::int64_t valid = 0;
  std::int64_t invalid = 0;
  std::int64_t missing = 0;
  std::int64_t errors = 0;
  std::vector<WrongRecord> wrong;  ///< the first of them, in the order of rows

  bool all_valid() const { return valid == count; }
};

/// Verifies each record of the Parquet file `input` by the signatures that have its hash. One of
/// them that is valid is enough. Errors are those of reading; wrong records are no error.
Result<SignatureReport> VerifyRecords(const std::string& input, const SignatureStore& signatures,
                                      const Verifier& verifier, const VerifyOptions& options = {});

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_SIGN_RECORDS_H_
