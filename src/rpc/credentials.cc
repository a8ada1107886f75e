// SPDX-License-Identifier: BSD-3-Clause
#include "rpc/credentials.h"

#include <algorithm>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <optional>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/openssl_handles.h"
#include "core/secret.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// OpenSSL keeps errors per thread, where gRPC would find and report ours: so they are cleared.

X509Ptr ParseCertificate(const std::string& pem) {
  X509Ptr certificate(PEM_read_bio_X509(BioOf(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

KeyPtr ParseKey(const std::string& pem) {
  // A server cannot ask anyone for a passphrase, so an encrypted key counts as unreadable.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  KeyPtr key(PEM_read_bio_PrivateKey(BioOf(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

bool BelongTogether(const std::string& certificate, const KeyPtr& key) {
  const bool match = X509_check_private_key(ParseCertificate(certificate).get(), key.get()) == 1;
  ERR_clear_error();
  return match;
}

/// The text of the file an option names; empty when the option is absent.
Result<std::string> ReadPem(const Uri& uri, std::string_view option, Env& env) {
  const std::optional<std::string> path = uri.Option(option);
  if (!path) {
    return std::string();
  }
  if (path->empty()) {
    return InvalidArgumentError(Concat(option, " is empty"));
  }
  Result<std::string> text = env.ReadFile(*path, kMaxPemBytes);
  if (!text.ok()) {
    return text.status().WithContext(option);
  }
  return text;
}

Status NotPem(const Uri& uri, std::string_view option, std::string_view what) {
  return InvalidArgumentError(
      Concat(option, " ", Quote(uri.Option(option).value_or("")), " holds no ", what));
}

Result<std::string> ReadCertificates(const Uri& uri, std::string_view option, Env& env) {
  EDB_ASSIGN(std::string pem, ReadPem(uri, option, env));
  if (uri.Option(option) && !ParseCertificate(pem)) {
    return NotPem(uri, option, "PEM certificate");
  }
  return pem;
}

struct PemPair {
  std::string certificate;
  std::string key;
};

/// Reads a certificate and its private key, which must come together; both empty when absent.
Result<PemPair> ReadPair(const Uri& uri, Env& env, std::string_view certificate_option,
                         std::string_view key_option) {
  const bool has_certificate = uri.Option(certificate_option).has_value();
  const bool has_key = uri.Option(key_option).has_value();
  if (has_certificate != has_key) {
    return InvalidArgumentError(has_certificate
                                    ? Concat(certificate_option, " needs ", key_option)
                                    : Concat(key_option, " needs ", certificate_option));
  }
  PemPair pair;
  if (!has_certificate) {
    return pair;
  }
  EDB_ASSIGN(pair.certificate, ReadCertificates(uri, certificate_option, env));
  EDB_ASSIGN(pair.key, ReadPem(uri, key_option, env));
  const KeyPtr key = ParseKey(pair.key);
  if (!key) {
    return NotPem(uri, key_option, "unencrypted PEM private key");
  }
  if (!BelongTogether(pair.certificate, key)) {
    return InvalidArgumentError(
        Concat(key_option, " is not the private key of ", certificate_option));
  }
  return pair;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

Result<std::string> ReadToken(const Uri& uri, Env& env) {
  const std::string source = uri.Option("token-uri").value_or("");
  if (source.empty()) {
    return std::string();
  }
  Result<std::string> secret = ReadSecret(source, env);
  if (!secret.ok()) {
    return secret.status().WithContext("token-uri");
  }
  const std::string token(Trim(*secret));
  if (token.empty()) {
    return InvalidArgumentError("token-uri leads to an empty token");
  }
  // Headers share kMaxMetadataBytes with the rest of the metadata.
  if (token.size() > kMaxMetadataBytes / 2) {
    return InvalidArgumentError(Concat("token-uri leads to a token of ", token.size(),
                                       " bytes, the limit is ", kMaxMetadataBytes / 2));
  }
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return InvalidArgumentError("token-uri leads to a token with characters other than ASCII");
  }
  return token;
}

Result<ServerTls> ReadServerTls(const Uri& uri, Env& env) {
  ServerTls tls;
  EDB_ASSIGN(PemPair pair, ReadPair(uri, env, "tls-certificate", "tls-key"));
  tls.certificate = std::move(pair.certificate);
  tls.key = std::move(pair.key);
  EDB_ASSIGN(tls.client_ca, ReadCertificates(uri, "tls-client-ca", env));
  if (!tls.client_ca.empty() && !tls.enabled()) {
    return InvalidArgumentError("tls-client-ca needs tls-certificate and tls-key");
  }
  return tls;
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const ServerTls& tls) {
  if (!tls.enabled()) {
    return grpc::InsecureServerCredentials();
  }
  grpc::SslServerCredentialsOptions options(
      tls.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({tls.key, tls.certificate});
  options.pem_root_certs = tls.client_ca;
  return grpc::SslServerCredentials(options);
}

Result<ClientTls> ReadClientTls(const Uri& uri, Env& env) {
  ClientTls tls;
  EDB_ASSIGN(tls.roots, ReadCertificates(uri, "tls-certificate", env));
  EDB_ASSIGN(const std::string more, ReadCertificates(uri, "tls-ca-certificate", env));
  if (!more.empty()) {
    tls.roots.append("\n").append(more);
  }
  EDB_ASSIGN(tls.insecure, uri.BoolOption("tls-insecure", false));
  EDB_ASSIGN(PemPair pair, ReadPair(uri, env, "tls-client-certificate", "tls-client-key"));
  tls.certificate = std::move(pair.certificate);
  tls.key = std::move(pair.key);
  tls.enabled = !tls.roots.empty() || tls.insecure;
  if (!tls.certificate.empty() && !tls.enabled) {
    return InvalidArgumentError(
        "tls-client-certificate needs tls-certificate or tls-ca-certificate");
  }
  return tls;
}

std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const ClientTls& tls) {
  if (!tls.enabled) {
    return grpc::InsecureChannelCredentials();
  }
  if (!tls.insecure) {
    return grpc::SslCredentials({.pem_root_certs = tls.roots,
                                 .pem_private_key = tls.key,
                                 .pem_cert_chain = tls.certificate});
  }
  // gRPC can leave out these checks only in its experimental TLS credentials.
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  if (!tls.certificate.empty()) {
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            std::vector<grpc::experimental::IdentityKeyCertPair>{{tls.key, tls.certificate}}));
    options.watch_identity_key_cert_pairs();
  }
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace embeddingsdb
