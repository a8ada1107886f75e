// SPDX-License-Identifier: BSD-3-Clause
//
// S3Keys: whose requests the server takes.
#ifndef EMBEDDINGSDB_S3SERVER_KEYS_H_
#define EMBEDDINGSDB_S3SERVER_KEYS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "aws/sigv4.h"
#include "core/env.h"

namespace embeddingsdb {

/// Why a request is refused, as HTTP has it.
struct S3Refusal {
  int status = 403;
  std::string type;  ///< "SignatureDoesNotMatch"
  std::string message;
};

/// Immutable, safe for concurrent use. Its secrets are in no message.
class S3Keys {
 public:
  /// From the URI's `keys-uri`, a secret (core/secret.h) of lines ACCESS_KEY_ID:SECRET_ACCESS_KEY
  /// or in the form of AWS's shared credentials file with a profile for each pair; without it from
  /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without those there are none. kInvalidArgument,
  /// without the text, for another form.
  static Result<S3Keys> Read(const Uri& uri, Env& env);
  static Result<S3Keys> Parse(std::string_view text);

  /// Without keys everyone may call.
  bool empty() const { return keys_.empty(); }

  /// Nothing when the request is signed with one of the keys.
  std::optional<S3Refusal> Check(const SigV4Request& request, const SigV4Scope& scope,
                                 std::int64_t now) const;

 private:
  std::map<std::string, AwsCredentials, std::less<>> keys_;  // by access key id
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_KEYS_H_
