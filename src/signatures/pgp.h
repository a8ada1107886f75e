// SPDX-License-Identifier: BSD-3-Clause
//
// OpenPGP signatures, through gpgme, which runs gpg. Keys live in a folder of their own that is
// made for each signer and verifier and removed with it: the user's keys are never touched.
#ifndef EMBEDDINGSDB_SIGNATURES_PGP_H_
#define EMBEDDINGSDB_SIGNATURES_PGP_H_

#include <memory>

#include "embeddingsdb/signatures.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"

namespace embeddingsdb {

/// pgp://?key-uri=URI: an armoured private key, and `key-password-uri` when it is locked. The first
/// key signs when there are several. kInvalidArgument when there is none, kUnauthenticated when the
/// password is not its; kFailedPrecondition when gpg is not installed.
Result<std::unique_ptr<Signer>> OpenPgpSigner(const Uri& uri, Env& env);

/// pgp://?public-key-uri=URI: armoured public keys. Signatures by any of them are valid, if the key
/// is neither revoked nor expired.
Result<std::unique_ptr<Verifier>> OpenPgpVerifier(const Uri& uri, Env& env);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_PGP_H_
