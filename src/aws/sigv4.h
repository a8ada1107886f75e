// SPDX-License-Identifier: BSD-3-Clause
//
// AWS Signature Version 4: signing a request, as a client does, and checking a signature, as a
// server does. For services that encode the path a second time when they sign it (s3vectors,
// dynamodb, sts: all but s3).
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//
// Everything here is a pure function of its arguments and safe for concurrent use. Secrets and
// session tokens are in no message.
#ifndef EMBEDDINGSDB_AWS_SIGV4_H_
#define EMBEDDINGSDB_AWS_SIGV4_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// A pair of keys, and the token of a temporary one. Deliberately without a way to print it.
struct AwsCredentials {
  std::string access_key_id;      ///< no secret: it is part of every signed request
  std::string secret_access_key;  ///< secret
  std::string session_token;      ///< secret; empty for keys that last
};

/// What a signature is good for, beside its day.
struct SigV4Scope {
  std::string region;
  std::string service;  ///< "s3vectors"

  bool operator==(const SigV4Scope&) const = default;
};

/// Header fields in any order, names in any case; several of one name count as one list.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// A request as far as it is signed.
struct SigV4Request {
  std::string method;       ///< "POST"
  std::string target;       ///< as it is sent: "/tags/arn%3Aaws...?tagKeys=a%2Fb"
  HttpHeaders headers;      ///< "host" must be there, with the port if that is sent
  std::string body_sha256;  ///< Sha256Hex of the body
};

/// Seconds since 1970 as "20260102T030405Z", and back; nothing for any other form.
std::string FormatAmzDate(std::int64_t seconds);
std::optional<std::int64_t> ParseAmzDate(std::string_view text);

/// Signs all headers of the request and returns those that have to be sent beside them: x-amz-date,
/// x-amz-security-token when there is a session token, authorization. The request must not have
/// them yet, and each header must be sent exactly as it is here: leave out what a proxy or a
/// library may change (user-agent, expect, connection).
HttpHeaders SignRequest(const SigV4Request& request, const AwsCredentials& credentials,
                        const SigV4Scope& scope, std::int64_t now_unix_seconds);

/// What an Authorization header says.
struct SigV4Authorization {
  std::string access_key_id;
  std::string date;  ///< "20260102"
  SigV4Scope scope;
  std::vector<std::string> signed_headers;  ///< lower case, ascending
  std::string signature;
};

/// kInvalidArgument, naming what is missing or malformed, for any other header; the message shows
/// nothing of the signature.
Result<SigV4Authorization> ParseAuthorization(std::string_view header);

/// The steps between a request and its signature; what known answers are compared with.
struct SigV4Steps {
  std::string canonical_request;
  std::string string_to_sign;
  std::string signature;
};

/// The signature over the given headers (lower case, ascending). A header that the request lacks
/// counts as empty.
SigV4Steps ComputeSigV4(const SigV4Request& request, const std::vector<std::string>& signed_headers,
                        const AwsCredentials& credentials, const SigV4Scope& scope);

/// Why a signature is not taken.
enum class SigV4Verdict : std::uint8_t {
  kGood,
  kIncomplete,  ///< a header is missing, malformed or not signed that has to be
  kSkewed,      ///< the clocks are more than kMaxS3ClockSkewSeconds apart
  kScope,       ///< made for another region, service or day
  kUnknownKey,  ///< not the access key id, or not the session token, of these credentials
  kMismatch,    ///< another secret, or the request was changed on its way
};

/// Checks the request's Authorization header, whatever headers it has signed: "host", "x-amz-date"
/// and all that begin with "x-amz-" must be among them. When the request has
/// x-amz-content-sha256, that must be the hash of its body. Signatures are compared in constant
/// time. A session token is compared when the credentials have one.
SigV4Verdict VerifySigV4(const SigV4Request& request, const AwsCredentials& credentials,
                         const SigV4Scope& scope, std::int64_t now_unix_seconds);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_SIGV4_H_
