// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/x509.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <optional>
#include <span>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/openssl_handles.h"
#include "core/secret.h"
#include "core/text.h"
#include "signatures/key_text.h"

namespace embeddingsdb {
namespace {

struct FreeBytes {
  void operator()(void* bytes) const { OPENSSL_free(bytes); }
};
template <typename T>
using OpensslBytes = std::unique_ptr<T, FreeBytes>;

constexpr std::string_view kSignatureBlock = "SIGNATURE";
constexpr std::string_view kPemBegin = "-----BEGIN ";

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

/// What OpenSSL says about the last failure, which it forgets.
std::string Reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

/// Answers from memory. Without it OpenSSL would ask on the terminal.
int GivePassword(char* buffer, int size, int /*writing*/, void* password) {
  const auto* const text = static_cast<const std::optional<std::string>*>(password);
  if (!text->has_value() || static_cast<std::size_t>(size) < (*text)->size()) {
    return -1;
  }
  return static_cast<int>((*text)->copy(buffer, (*text)->size()));
}

Result<X509Ptr> ParseCertificate(const std::string& text) {
  const BioPtr bio = BioOf(text);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    return InvalidArgumentError(
        Concat("URI option certificate-uri: no certificate in PEM form: ", Reason()));
  }
  return certificate;
}

Result<KeyPtr> ParseKey(const std::string& text, std::optional<std::string> password) {
  const BioPtr bio = BioOf(text);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, GivePassword, &password));
  if (password) {
    OPENSSL_cleanse(password->data(), password->size());
  }
  if (key == nullptr) {
    return InvalidArgumentError(
        Concat("URI option key-uri: no private key in PEM form that can be read",
               password ? " with the password of key-password-uri" : "", ": ", Reason()));
  }
  return key;
}

/// The digest that a kind of key signs with; null for Ed25519, which has its own. Nothing for a
/// kind that go-embeddingsdb does not know either.
std::optional<const EVP_MD*> DigestFor(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_EC:
      return EVP_sha256();
    case EVP_PKEY_ED25519:
      return nullptr;
    default:
      return std::nullopt;
  }
}

Status CheckKind(const EVP_PKEY* key) {
  if (DigestFor(key)) {
    return Status();
  }
  const char* const name = EVP_PKEY_get0_type_name(key);
  return InvalidArgumentError(Concat("a key of type ", Quote(name == nullptr ? "unknown" : name),
                                     " cannot sign here, only RSA, ECDSA and Ed25519 can"));
}

const unsigned char* Unsigned(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// The bytes of a signature. What is no PEM at all is taken as the bytes themselves.
Result<std::string> SignatureBytes(std::string_view text) {
  if (text.size() > kMaxSignatureBytes) {
    return InvalidArgumentError(
        Concat("a signature has ", text.size(), " bytes, the limit is ", kMaxSignatureBytes));
  }
  if (text.find(kPemBegin) == std::string_view::npos) {
    return std::string(text);
  }
  const BioPtr bio = BioOf(text);
  char* raw_name = nullptr;
  char* raw_header = nullptr;
  unsigned char* raw_data = nullptr;
  long size = 0;
  const int ok = PEM_read_bio(bio.get(), &raw_name, &raw_header, &raw_data, &size);
  const OpensslBytes<char> name(raw_name);
  const OpensslBytes<char> header(raw_header);
  const OpensslBytes<unsigned char> data(raw_data);
  if (ok != 1) {
    return InvalidArgumentError(Concat("the PEM of a signature is damaged: ", Reason()));
  }
  if (name.get() != kSignatureBlock) {
    return InvalidArgumentError(
        Concat("PEM of type ", Quote(name.get()), " is no signature, its type is SIGNATURE"));
  }
  return std::string(reinterpret_cast<const char*>(data.get()), static_cast<std::size_t>(size));
}

Status OpensslFailed(std::string_view what) {
  return InternalError(Concat(what, ": ", Reason()));
}

class X509Verifier : public Verifier {
 public:
  explicit X509Verifier(KeyPtr key) : key_(std::move(key)) {}

  Result<bool> Verify(std::string_view payload, std::string_view signature) const override {
    EDB_ASSIGN(const std::string bytes, SignatureBytes(signature));
    const DigestContextPtr context(EVP_MD_CTX_new());
    const EVP_MD* const digest = DigestFor(key_.get()).value_or(nullptr);
    if (context == nullptr ||
        EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) != 1) {
      return OpensslFailed("cannot verify");
    }
    const int outcome = EVP_DigestVerify(context.get(), Unsigned(bytes), bytes.size(),
                                         Unsigned(payload), payload.size());
    // Bytes that cannot even be parsed are no signature of the payload either.
    ERR_clear_error();
    return outcome == 1;
  }

 private:
  KeyPtr key_;
};

class X509Signer : public Signer {
 public:
  X509Signer(KeyPtr key, X509Ptr certificate, std::string pem)
      : key_(std::move(key)), certificate_(std::move(certificate)), pem_(std::move(pem)) {}

  Result<std::string> Sign(std::string_view payload) const override {
    const DigestContextPtr context(EVP_MD_CTX_new());
    const EVP_MD* const digest = DigestFor(key_.get()).value_or(nullptr);
    std::size_t size = 0;
    if (context == nullptr ||
        EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, Unsigned(payload), payload.size()) != 1) {
      return OpensslFailed("cannot sign");
    }
    std::string bytes(size, '\0');
    auto* const out = reinterpret_cast<unsigned char*>(bytes.data());
    if (EVP_DigestSign(context.get(), out, &size, Unsigned(payload), payload.size()) != 1) {
      return OpensslFailed("cannot sign");
    }
    const BioPtr pem(BIO_new(BIO_s_mem()));
    if (pem == nullptr ||
        PEM_write_bio(pem.get(), kSignatureBlock.data(), "", out, static_cast<long>(size)) <= 0) {
      return OpensslFailed("cannot write PEM");
    }
    return TextOf(pem.get());
  }

  const std::string& public_key() const override { return pem_; }

  Result<std::unique_ptr<Verifier>> NewVerifier() const override {
    return std::unique_ptr<Verifier>(
        std::make_unique<X509Verifier>(KeyPtr(X509_get_pubkey(certificate_.get()))));
  }

 private:
  KeyPtr key_;
  X509Ptr certificate_;
  std::string pem_;  ///< of the certificate alone
};

/// The certificate alone: the file it came from may hold others, or the private key.
Result<std::string> CertificatePem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return OpensslFailed("cannot write PEM");
  }
  return TextOf(bio.get());
}

Result<KeyPtr> PublicKeyOf(const X509Ptr& certificate) {
  KeyPtr key(X509_get_pubkey(certificate.get()));
  if (key == nullptr) {
    return InvalidArgumentError(
        Concat("URI option certificate-uri: the public key cannot be read: ", Reason()));
  }
  EDB_TRY(CheckKind(key.get()));
  return key;
}

}  // namespace

Result<std::unique_ptr<Signer>> OpenX509Signer(const Uri& uri, Env& env) {
  constexpr auto kKnown =
      std::to_array<std::string_view>({"certificate-uri", "key-uri", "key-password-uri"});
  EDB_TRY(uri.CheckOptions(kKnown));
  EDB_ASSIGN(const std::string certificate_text, ReadKeyOption(uri, "certificate-uri", env));
  EDB_ASSIGN(X509Ptr certificate, ParseCertificate(certificate_text));
  EDB_ASSIGN(const KeyPtr public_key, PublicKeyOf(certificate));
  EDB_ASSIGN(std::string key_text, ReadKeyOption(uri, "key-uri", env));
  std::optional<std::string> password;
  if (const std::optional<std::string> password_uri = uri.Option("key-password-uri")) {
    EDB_ASSIGN(password, ReadSecret(*password_uri, env));
  }
  Result<KeyPtr> key = ParseKey(key_text, std::move(password));
  OPENSSL_cleanse(key_text.data(), key_text.size());
  if (!key.ok()) {
    return key.status();
  }
  if (EVP_PKEY_eq(public_key.get(), key->get()) != 1) {
    ERR_clear_error();
    return InvalidArgumentError(
        "the private key of key-uri is not that of the certificate of certificate-uri");
  }
  EDB_ASSIGN(std::string pem, CertificatePem(certificate.get()));
  return std::unique_ptr<Signer>(
      std::make_unique<X509Signer>(*std::move(key), std::move(certificate), std::move(pem)));
}

Result<std::unique_ptr<Verifier>> OpenX509Verifier(const Uri& uri, Env& env) {
  constexpr auto kKnown = std::to_array<std::string_view>({"certificate-uri"});
  EDB_TRY(uri.CheckOptions(kKnown));
  EDB_ASSIGN(const std::string text, ReadKeyOption(uri, "certificate-uri", env));
  EDB_ASSIGN(const X509Ptr certificate, ParseCertificate(text));
  EDB_ASSIGN(KeyPtr key, PublicKeyOf(certificate));
  return std::unique_ptr<Verifier>(std::make_unique<X509Verifier>(std::move(key)));
}

}  // namespace embeddingsdb
