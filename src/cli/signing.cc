// SPDX-License-Identifier: BSD-3-Clause
#include "cli/signing.h"

#include <map>

#include "embeddingsdb/uri.h"

#include "cli/download.h"
#include "core/text.h"
#include "signatures/signature_schemes.h"

namespace embeddingsdb {
namespace {

SignatureSchemes BuiltinSchemes() {
  SignatureSchemes schemes;
  RegisterBuiltinSignatures(schemes);
  return schemes;
}

}  // namespace

Result<std::unique_ptr<Signer>> OpenSigner(const std::string& uri, Session& session) {
  return BuiltinSchemes().OpenSigner(uri, session.env());
}

Result<std::unique_ptr<Verifier>> OpenVerifier(const std::string& uri, Session& session) {
  return BuiltinSchemes().OpenVerifier(uri, session.env());
}

Result<std::string> TargetFolder(const std::string& bucket_uri) {
  if (bucket_uri.find("://") == std::string::npos) {
    return bucket_uri.empty() ? "." : bucket_uri;
  }
  EDB_ASSIGN(const Uri uri, Uri::Parse(bucket_uri));
  if (uri.scheme() != "cwd" && uri.scheme() != "file") {
    return InvalidArgumentError(Concat("-target-bucket-uri ", Quote(uri.Redacted()),
                                       " is no folder: cwd:// and file:// are known"));
  }
  EDB_TRY(uri.CheckOptions({}));
  return uri.FilePath().empty() ? "." : uri.FilePath();
}

std::string BaseName(std::string_view input) {
  // Of a URL without its query, and without what could be a secret.
  const std::string shown = DisplayInput(input);
  std::string name = shown.substr(shown.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot != std::string::npos) {
    // The first occurrence of the extension, as go-embeddingsdb has it.
    const std::string extension = name.substr(dot);
    name.erase(name.find(extension), extension.size());
  }
  return name;
}

Result<std::vector<std::string>> TargetStems(std::span<const std::string> inputs,
                                             const std::string& folder) {
  std::map<std::string, std::string> taken;
  std::vector<std::string> stems;
  for (const std::string& input : inputs) {
    const std::string base = BaseName(input);
    if (base.empty()) {
      return InvalidArgumentError(Concat(Quote(DisplayInput(input)), " has no name of a file"));
    }
    const auto [other, added] = taken.emplace(base, input);
    if (!added) {
      return InvalidArgumentError(Concat(Quote(DisplayInput(other->second)), " and ",
                                         Quote(DisplayInput(input)),
                                         " would both be signed in files called ", Quote(base)));
    }
    stems.push_back(Concat(folder, "/", base));
  }
  return stems;
}

}  // namespace embeddingsdb
