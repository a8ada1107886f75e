// SPDX-License-Identifier: BSD-3-Clause
#include "core/secret.h"

#include <array>
#include <cstdlib>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/limits.h"
#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// The parser's own errors show the text as far as it is not known to be secret. Of a constant://
// URI everything may be: its author may have put the value anywhere.
constexpr std::string_view kBadConstant =
    "constant:// URI of a secret is not of the form constant://?val=TEXT or ?envvar=NAME, "
    "with TEXT percent-encoded";

Status CheckDecoder(const Uri& uri) {
  if (uri.Option("decoder").value_or("string") == "string") {
    return {};
  }
  return InvalidArgumentError("URI option decoder of a secret must be string");
}

Result<std::string> ReadConstant(std::string_view text) {
  const Result<Uri> uri = Uri::Parse(text);
  if (!uri.ok() || !uri->FilePath().empty()) {
    return InvalidArgumentError(std::string(kBadConstant));
  }
  constexpr auto kKnown = std::to_array<std::string_view>({"err", "envvar", "val", "decoder"});
  if (!uri->CheckOptions(kKnown).ok()) {
    return InvalidArgumentError(std::string(kBadConstant));
  }
  EDB_TRY(CheckDecoder(*uri));
  if (const std::optional<std::string> message = uri->Option("err")) {
    return FailedPreconditionError(*message);
  }
  if (const std::optional<std::string> name = uri->Option("envvar")) {
    // Nothing in these programs writes the environment.
    const char* const value = std::getenv(name->c_str());  // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) {
      return NotFoundError(Concat("environment variable ", Quote(*name), " is not set"));
    }
    return std::string(value);
  }
  std::optional<std::string> value = uri->Option("val");
  if (!value) {
    return InvalidArgumentError(std::string(kBadConstant));
  }
  return *std::move(value);
}

Result<std::string> ReadFileSecret(std::string_view text, Env& env) {
  EDB_ASSIGN(const Uri uri, Uri::Parse(text));
  // `wait` is how often go-embeddingsdb looks for changes; a secret is read once here.
  constexpr auto kKnown = std::to_array<std::string_view>({"decoder", "wait"});
  EDB_TRY(uri.CheckOptions(kKnown));
  EDB_TRY(CheckDecoder(uri));
  if (uri.FilePath().empty()) {
    return InvalidArgumentError("file:// URI of a secret names no file");
  }
  return env.ReadFile(uri.FilePath(), kMaxTokenBytes);
}

}  // namespace

Result<std::string> ReadSecret(std::string_view uri, Env& env) {
  const std::size_t colon = uri.find("://");
  if (colon == std::string_view::npos) {
    return std::string(uri);
  }
  const std::string scheme = AsciiLower(uri.substr(0, colon));
  if (scheme == "constant") {
    return ReadConstant(uri);
  }
  if (scheme == "file") {
    return ReadFileSecret(uri, env);
  }
  // The scheme is not shown: it may be the start of a secret that happens to hold "://".
  return InvalidArgumentError(
      "URI of a secret has an unknown scheme, the known ones are constant and file");
}

bool EqualsConstantTime(std::string_view a, std::string_view b) {
  using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;
  const auto digest = [](std::string_view text) {
    Digest out{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
    return out;
  };
  // Digests have one length, so not even the length of the secret shows.
  const Digest left = digest(a);
  const Digest right = digest(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace embeddingsdb
