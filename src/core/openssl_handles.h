// SPDX-License-Identifier: BSD-3-Clause
//
// OpenSSL's objects as pointers that give them back.
#ifndef EMBEDDINGSDB_CORE_OPENSSL_HANDLES_H_
#define EMBEDDINGSDB_CORE_OPENSSL_HANDLES_H_

#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string_view>

namespace embeddingsdb {

struct FreeOpenssl {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_MAC* algorithm) const { EVP_MAC_free(algorithm); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using BioPtr = std::unique_ptr<BIO, FreeOpenssl>;
using X509Ptr = std::unique_ptr<X509, FreeOpenssl>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeOpenssl>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeOpenssl>;
using MacPtr = std::unique_ptr<EVP_MAC, FreeOpenssl>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, FreeOpenssl>;

/// A stream that reads a text, which it borrows.
inline BioPtr BioOf(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_OPENSSL_HANDLES_H_
