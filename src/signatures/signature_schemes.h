// SPDX-License-Identifier: BSD-3-Clause
//
// From the scheme of a signer's or verifier's URI to the code that opens it. An explicit list: see
// RegisterBuiltinSignatures.
#ifndef EMBEDDINGSDB_SIGNATURES_SIGNATURE_SCHEMES_H_
#define EMBEDDINGSDB_SIGNATURES_SIGNATURE_SCHEMES_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/signatures.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"

namespace embeddingsdb {

/// How signers and verifiers of a scheme are made. `env` is borrowed for the call.
struct SignatureScheme {
  Result<std::unique_ptr<Signer>> (*open_signer)(const Uri& uri, Env& env);
  Result<std::unique_ptr<Verifier>> (*open_verifier)(const Uri& uri, Env& env);
};

/// Filled once, then only read.
class SignatureSchemes {
 public:
  void Add(std::string_view name, SignatureScheme scheme);

  /// kInvalidArgument for a malformed URI or an unknown scheme (naming the known ones), and
  /// whatever the scheme says. Messages show the URI redacted.
  Result<std::unique_ptr<Signer>> OpenSigner(std::string_view uri, Env& env) const;
  Result<std::unique_ptr<Verifier>> OpenVerifier(std::string_view uri, Env& env) const;

 private:
  Result<SignatureScheme> Find(const Uri& uri) const;

  std::map<std::string, SignatureScheme, std::less<>> schemes_;
};

/// x509:// and tls://, which is its older name, and pgp://.
void RegisterBuiltinSignatures(SignatureSchemes& schemes);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_SIGNATURE_SCHEMES_H_
