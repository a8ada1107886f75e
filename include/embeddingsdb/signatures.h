// SPDX-License-Identifier: BSD-3-Clause
//
// Hashes and signatures of records, compatible with go-embeddingsdb: whoever gets a collection can
// find out whether its records are those that somebody signed (docs/signing.md).
#ifndef EMBEDDINGSDB_SIGNATURES_H_
#define EMBEDDINGSDB_SIGNATURES_H_

#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/record.h"
#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What is signed of a record: its JSON, byte for byte as go-embeddingsdb writes it, without a
/// newline. An empty map of attributes is `{}`, as Go has it when it reads a Parquet file.
std::string SignedPayload(const Record& record);

/// The SHA-256 of SignedPayload as 64 hexadecimal digits in lower case. A record with one bit
/// changed has another hash.
std::string RecordHash(const Record& record);

/// A row of a signature file.
struct Signature {
  Key key;
  std::string record_hash;       ///< RecordHash of the record that was signed
  std::string record_signature;  ///< ASCII-armoured, detached; made by a Signer

  bool operator==(const Signature&) const = default;
};

/// Tells whether a signature was made by the key it was opened with. Certificates are trusted as
/// they are: neither their chain nor their dates are looked at. Safe for concurrent use.
class Verifier {
 public:
  virtual ~Verifier() = default;

  /// True when `signature` is one of `payload`; false when it is well-formed, but of something else
  /// or by another key. kInvalidArgument when it is none, such as PEM of another type.
  virtual Result<bool> Verify(std::string_view payload, std::string_view signature) const = 0;
};

/// Signs with a private key, which stays inside. Safe for concurrent use.
class Signer {
 public:
  virtual ~Signer() = default;

  /// A detached signature of `payload` as text: PEM of type SIGNATURE, or an OpenPGP message.
  virtual Result<std::string> Sign(std::string_view payload) const = 0;
  /// What others verify with: a certificate as PEM, or an armoured OpenPGP key.
  virtual const std::string& public_key() const = 0;
  /// A verifier of what this signs. It may outlive the signer.
  virtual Result<std::unique_ptr<Verifier>> NewVerifier() const = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_H_
