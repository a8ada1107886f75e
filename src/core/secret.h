// SPDX-License-Identifier: BSD-3-Clause
//
// Secrets named by URI, so that they need not stand in argv or a log (go-embeddingsdb's
// runtimevar).
#ifndef EMBEDDINGSDB_CORE_SECRET_H_
#define EMBEDDINGSDB_CORE_SECRET_H_

#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

#include "core/env.h"

namespace embeddingsdb {

/// The text a secret URI stands for:
///   constant://?val=TEXT          the text itself (`err=MESSAGE` fails, `envvar=NAME` reads a
///   variable) file:///path/to/file          the file's content, at most kMaxTokenBytes TEXT
///   without a scheme         the text itself
/// kNotFound for a missing file or variable, kInvalidArgument for an unknown scheme or option. The
/// messages never hold the secret. The value is not trimmed.
Result<std::string> ReadSecret(std::string_view uri, Env& env);

/// Compares without telling by its time where the texts differ.
bool EqualsConstantTime(std::string_view a, std::string_view b);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_CORE_SECRET_H_
