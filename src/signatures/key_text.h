// SPDX-License-Identifier: BSD-3-Clause
//
// Keys and certificates named by URI.
#ifndef EMBEDDINGSDB_SIGNATURES_KEY_TEXT_H_
#define EMBEDDINGSDB_SIGNATURES_KEY_TEXT_H_

#include <string>
#include <string_view>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "core/env.h"

namespace embeddingsdb {

/// The text of a key or certificate:
///   file:///path/to/key.pem    the file, at most kMaxKeyBytes
///   cwd://keys/key.pem         the file, relative to the working directory
///   keys/key.pem               the same
///   constant://?envvar=NAME    as any other secret (core/secret.h)
/// kNotFound, kPermissionDenied, kInvalidArgument. The messages never hold the text.
Result<std::string> ReadKeyText(std::string_view uri, Env& env);

/// The same for an option of a signer's or verifier's URI; kInvalidArgument when it is not there.
/// Errors name the option.
Result<std::string> ReadKeyOption(const Uri& uri, std::string_view option, Env& env);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_SIGNATURES_KEY_TEXT_H_
