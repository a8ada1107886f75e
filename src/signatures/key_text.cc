// SPDX-License-Identifier: BSD-3-Clause
#include "signatures/key_text.h"

#include <optional>

#include "embeddingsdb/limits.h"

#include "core/secret.h"
#include "core/text.h"

namespace embeddingsdb {

Result<std::string> ReadKeyText(std::string_view uri, Env& env) {
  const std::size_t colon = uri.find("://");
  if (colon == std::string_view::npos) {
    // Somebody who pastes a key here must not read it in an error message.
    if (uri.empty() || HasControlCharacter(uri) || uri.find("-----BEGIN") != uri.npos) {
      return InvalidArgumentError("a key is named by a path or a URI");
    }
    return env.ReadFile(std::string(uri), kMaxKeyBytes);
  }
  const std::string scheme = AsciiLower(uri.substr(0, colon));
  if (scheme == "constant") {
    return ReadSecret(uri, env);
  }
  if (scheme != "file" && scheme != "cwd") {
    return InvalidArgumentError(
        "URI of a key has an unknown scheme, the known ones are file, cwd and constant");
  }
  EDB_ASSIGN(const Uri parsed, Uri::Parse(uri));
  EDB_TRY(parsed.CheckOptions({}));
  if (parsed.FilePath().empty()) {
    return InvalidArgumentError(Concat(scheme, ":// URI of a key names no file"));
  }
  return env.ReadFile(parsed.FilePath(), kMaxKeyBytes);
}

Result<std::string> ReadKeyOption(const Uri& uri, std::string_view option, Env& env) {
  const std::optional<std::string> value = uri.Option(option);
  if (!value) {
    return InvalidArgumentError(Concat("URI option ", option, " is missing"));
  }
  Result<std::string> text = ReadKeyText(*value, env);
  if (!text.ok()) {
    return text.status().WithContext(Concat("URI option ", option));
  }
  return text;
}

}  // namespace embeddingsdb
