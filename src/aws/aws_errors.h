// SPDX-License-Identifier: BSD-3-Clause
//
// What an answer other than 200 of an AWS service means.
#ifndef EMBEDDINGSDB_AWS_AWS_ERRORS_H_
#define EMBEDDINGSDB_AWS_AWS_ERRORS_H_

#include <cstdint>
#include <string>

#include "embeddingsdb/status.h"

#include "aws/http_client.h"
#include "aws/sigv4.h"

namespace embeddingsdb {

/// What helps.
enum class AwsRemedy : std::uint8_t {
  kNone,
  kTryAgain,
  kTryLater,    ///< it has too much to do
  kAskForKeys,  ///< the credentials are too old
  kSetClock,    ///< its clock and ours are apart, or that is what it may be
};

struct AwsError {
  std::string type;  ///< "NotFoundException"; empty when the answer names none
  Status status;     ///< with the type and the message, unless that is about who asks
  AwsRemedy remedy = AwsRemedy::kNone;
};

/// The header x-amzn-errortype counts before `__type` of the body, and that before the HTTP status.
/// A message that repeats a secret of `keys` is left out.
AwsError ParseAwsError(const HttpAnswer& answer, const AwsCredentials& keys);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_AWS_ERRORS_H_
