// SPDX-License-Identifier: BSD-3-Clause
//
// Signatures with the key of an X.509 certificate, through OpenSSL: RSA (PKCS#1 v1.5) and ECDSA
// (ASN.1) over SHA-256, Ed25519 over the payload itself.
#ifndef EMBEDDINGSDB_SIGNATURES_X509_H_
#define EMBEDDINGSDB_SIGNATURES_X509_H_

#include <memory>

#include "embeddingsdb/signatures.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"

namespace embeddingsdb {

/// x509://?certificate-uri=URI&key-uri=URI: PEM of the certificate and of its private key (PKCS#8,
/// PKCS#1 or SEC1; `key-password-uri` when it is encrypted). kInvalidArgument when one of them
/// cannot be read, they do not belong together, or the key is of another kind.
Result<std::unique_ptr<Signer>> OpenX509Signer(const Uri& uri, Env& env);

/// x509://?certificate-uri=URI. Its Verify takes PEM of type SIGNATURE, or the bytes themselves.
Result<std::unique_ptr<Verifier>> OpenX509Verifier(const Uri& uri, Env& env);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_X509_H_
