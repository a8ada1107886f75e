// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/signature_schemes.h"

#include "core/text.h"
#include "signatures/pgp.h"
#include "signatures/x509.h"

namespace embeddingsdb {

void SignatureSchemes::Add(std::string_view name, SignatureScheme scheme) {
  schemes_.insert_or_assign(std::string(name), scheme);
}

Result<SignatureScheme> SignatureSchemes::Find(const Uri& uri) const {
  const auto found = schemes_.find(uri.scheme());
  if (found != schemes_.end()) {
    return found->second;
  }
  std::string known;
  for (const auto& [name, scheme] : schemes_) {
    known += Concat(known.empty() ? "" : ", ", name);
  }
  return InvalidArgumentError(Concat("URI scheme ", Quote(uri.scheme()),
                                     " is none for signatures, the known ones are ", known));
}

Result<std::unique_ptr<Signer>> SignatureSchemes::OpenSigner(std::string_view uri, Env& env) const {
  EDB_ASSIGN(const Uri parsed, Uri::Parse(uri));
  EDB_ASSIGN(const SignatureScheme scheme, Find(parsed));
  return scheme.open_signer(parsed, env);
}

Result<std::unique_ptr<Verifier>> SignatureSchemes::OpenVerifier(std::string_view uri,
                                                                 Env& env) const {
  EDB_ASSIGN(const Uri parsed, Uri::Parse(uri));
  EDB_ASSIGN(const SignatureScheme scheme, Find(parsed));
  return scheme.open_verifier(parsed, env);
}

void RegisterBuiltinSignatures(SignatureSchemes& schemes) {
  for (const std::string_view name : {"x509", "tls"}) {
    schemes.Add(name, {.open_signer = OpenX509Signer, .open_verifier = OpenX509Verifier});
  }
  schemes.Add("pgp", {.open_signer = OpenPgpSigner, .open_verifier = OpenPgpVerifier});
}

}  // namespace embeddingsdb
