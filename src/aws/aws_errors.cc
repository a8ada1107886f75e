// SPDX-License-Identifier: BSD-3-Clause
#include "aws/aws_errors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::size_t kMaxShown = 500;  // bytes of a message

struct Kind {
  std::string_view type;
  StatusCode code;
  AwsRemedy remedy = AwsRemedy::kNone;
};

constexpr auto kKinds = std::to_array<Kind>({
    {"ValidationException", StatusCode::kInvalidArgument},
    {"SerializationException", StatusCode::kInvalidArgument},
    {"AccessDeniedException", StatusCode::kPermissionDenied},
    {"AccessDenied", StatusCode::kPermissionDenied},
    {"NotFoundException", StatusCode::kNotFound},
    {"ResourceNotFoundException", StatusCode::kNotFound},
    {"ConflictException", StatusCode::kAlreadyExists},
    {"ResourceInUseException", StatusCode::kAlreadyExists},
    {"ConditionalCheckFailedException", StatusCode::kFailedPrecondition},
    {"LimitExceededException", StatusCode::kResourceExhausted},
    {"ItemCollectionSizeLimitExceededException", StatusCode::kResourceExhausted},
    {"ServiceQuotaExceededException", StatusCode::kResourceExhausted},
    {"RequestTimeoutException", StatusCode::kUnavailable, AwsRemedy::kTryAgain},
    {"TooManyRequestsException", StatusCode::kUnavailable, AwsRemedy::kTryLater},
    {"ThrottlingException", StatusCode::kUnavailable, AwsRemedy::kTryLater},
    {"ProvisionedThroughputExceededException", StatusCode::kUnavailable, AwsRemedy::kTryLater},
    {"RequestLimitExceeded", StatusCode::kUnavailable, AwsRemedy::kTryLater},
    {"TransactionConflictException", StatusCode::kUnavailable, AwsRemedy::kTryAgain},
    {"SlowDown", StatusCode::kUnavailable, AwsRemedy::kTryLater},
    {"InternalServerException", StatusCode::kUnavailable, AwsRemedy::kTryAgain},
    {"InternalServerError", StatusCode::kUnavailable, AwsRemedy::kTryAgain},
    {"ServiceUnavailableException", StatusCode::kUnavailable, AwsRemedy::kTryAgain},
    {"KmsDisabledException", StatusCode::kFailedPrecondition},
    {"KmsInvalidKeyUsageException", StatusCode::kFailedPrecondition},
    {"KmsInvalidStateException", StatusCode::kFailedPrecondition},
    {"KmsNotFoundException", StatusCode::kFailedPrecondition},
    {"UnknownOperationException", StatusCode::kUnimplemented},
    {"NotImplemented", StatusCode::kUnimplemented},
    {"ExpiredTokenException", StatusCode::kUnauthenticated, AwsRemedy::kAskForKeys},
    {"ExpiredToken", StatusCode::kUnauthenticated, AwsRemedy::kAskForKeys},
    {"UnrecognizedClientException", StatusCode::kUnauthenticated, AwsRemedy::kAskForKeys},
    {"InvalidClientTokenId", StatusCode::kUnauthenticated, AwsRemedy::kAskForKeys},
    {"InvalidAccessKeyId", StatusCode::kUnauthenticated, AwsRemedy::kAskForKeys},
    {"MissingAuthenticationTokenException", StatusCode::kUnauthenticated},
    {"IncompleteSignatureException", StatusCode::kUnauthenticated},
    {"RequestTimeTooSkewed", StatusCode::kUnauthenticated, AwsRemedy::kSetClock},
    {"RequestExpired", StatusCode::kUnauthenticated, AwsRemedy::kSetClock},
    {"InvalidSignatureException", StatusCode::kUnauthenticated, AwsRemedy::kSetClock},
    {"SignatureDoesNotMatch", StatusCode::kUnauthenticated, AwsRemedy::kSetClock},
});

Kind KindOfHttp(long status) {
  switch (status) {
    case 400:
    case 413:
      return {"", StatusCode::kInvalidArgument};
    case 401:
      return {"", StatusCode::kUnauthenticated};
    case 402:
      return {"", StatusCode::kResourceExhausted};
    case 403:
      return {"", StatusCode::kPermissionDenied};
    case 404:
      return {"", StatusCode::kNotFound};
    case 405:
    case 501:
      return {"", StatusCode::kUnimplemented};
    case 409:
      return {"", StatusCode::kAlreadyExists};
    case 408:
      return {"", StatusCode::kUnavailable, AwsRemedy::kTryAgain};
    case 429:
      return {"", StatusCode::kUnavailable, AwsRemedy::kTryLater};
    default:
      return status >= 500 ? Kind{"", StatusCode::kUnavailable, AwsRemedy::kTryAgain}
                           : Kind{"", StatusCode::kInternal};
  }
}

/// "com.amazonaws.s3vectors#NotFoundException:http://..." is NotFoundException.
std::string ShortType(std::string_view type) {
  type = type.substr(0, type.find(':'));
  const std::size_t mark = type.rfind('#');
  return std::string(mark == std::string_view::npos ? type : type.substr(mark + 1));
}

std::string StringOf(const nlohmann::json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = object.find(name);
    if (found != object.end() && found->is_string()) {
      return found->get<std::string>();
    }
  }
  return {};
}

bool Repeats(std::string_view text, const std::string& secret) {
  return !secret.empty() && text.find(secret) != std::string_view::npos;
}

}  // namespace

AwsError ParseAwsError(const HttpAnswer& answer, const AwsCredentials& keys) {
  nlohmann::json body = nlohmann::json::parse(answer.body, nullptr, false);
  if (!body.is_object()) {
    body = nlohmann::json::object();
  }
  const auto header = answer.headers.find("x-amzn-errortype");
  AwsError error;
  error.type = ShortType(header != answer.headers.end() ? header->second
                                                        : StringOf(body, {"__type", "code"}));
  const auto* const known = std::ranges::find(kKinds, error.type, &Kind::type);
  const Kind kind =
      known != kKinds.end() && !error.type.empty() ? *known : KindOfHttp(answer.status);
  error.remedy = kind.remedy;
  std::string text = error.type.empty() || Repeats(error.type, keys.secret_access_key) ||
                             Repeats(error.type, keys.session_token)
                         ? Concat("HTTP status ", answer.status)
                         : QuoteWhole(error.type).substr(1, error.type.size());
  if (answer.status >= 300 && answer.status < 400) {
    text += " is a redirect, which is not followed";
  }
  // What is said of a signature repeats what was signed.
  const std::string said = StringOf(body, {"message", "Message"}).substr(0, kMaxShown);
  if (kind.code != StatusCode::kUnauthenticated && !said.empty() &&
      !Repeats(said, keys.secret_access_key) && !Repeats(said, keys.session_token)) {
    text += Concat(": ", QuoteWhole(said));
  }
  error.status = Status(kind.code, std::move(text));
  return error;
}

}  // namespace embeddingsdb
