// SPDX-License-Identifier: BSD-3-Clause
#include "s3server/keys.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "embeddingsdb/limits.h"

#include "core/secret.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

constexpr std::string_view kForm =
    "keys-uri must name a text of lines ACCESS_KEY_ID:SECRET_ACCESS_KEY, or of profiles: "
    "\"[name]\", \"aws_access_key_id = ...\", \"aws_secret_access_key = ...\", one to a line";

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string Variable(const char* name) {
  // Nothing in these programs writes the environment.
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::string() : std::string(value);
}

std::string_view HeaderOf(const SigV4Request& request, std::string_view name) {
  const auto found = std::ranges::find(request.headers, name,
                                       [](const auto& header) { return AsciiLower(header.first); });
  return found == request.headers.end() ? std::string_view() : std::string_view(found->second);
}

S3Refusal RefusalOf(SigV4Verdict verdict, const SigV4Scope& scope) {
  switch (verdict) {
    case SigV4Verdict::kSkewed:
      return {
          .type = "RequestTimeTooSkewed",
          .message = Concat("The difference between the request's x-amz-date and this server's ",
                            "clock is more than ", kMaxS3ClockSkewSeconds, " seconds")};
    case SigV4Verdict::kScope:
      return {.type = "SignatureDoesNotMatch",
              .message = Concat("Credential should be scoped to the day of x-amz-date, region ",
                                Quote(scope.region), " and service ", Quote(scope.service))};
    case SigV4Verdict::kUnknownKey:
      return {.type = "UnrecognizedClientException",
              .message = "The security token included in the request is invalid"};
    case SigV4Verdict::kMismatch:
      return {.type = "SignatureDoesNotMatch",
              .message =
                  "The request signature we calculated does not match the signature you "
                  "provided. Check your secret access key and signing method"};
    default:
      return {.status = 400,
              .type = "IncompleteSignatureException",
              .message =
                  "The request needs an Authorization header with AWS4-HMAC-SHA256, an "
                  "x-amz-date, and a signature over host and all x-amz- headers"};
  }
}

}  // namespace

Result<S3Keys> S3Keys::Parse(std::string_view text) {
  S3Keys keys;
  AwsCredentials pair;
  const auto finish = [&]() -> Status {
    if (pair.access_key_id.empty() != pair.secret_access_key.empty()) {
      return InvalidArgumentError("keys-uri: a profile has one of the two keys only");
    }
    if (!pair.access_key_id.empty()) {
      std::string id = pair.access_key_id;
      keys.keys_.insert_or_assign(std::move(id), std::exchange(pair, {}));
    }
    return {};
  };
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view line = Trim(whole);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) {
      continue;
    }
    if (line.starts_with('[')) {
      EDB_TRY(finish());
      continue;
    }
    const std::size_t equals = line.find('=');
    const std::size_t colon = line.find(':');
    if (colon < equals) {  // a secret may have a '=', a key id has none
      EDB_TRY(finish());
      pair = {.access_key_id = std::string(line.substr(0, colon)),
              .secret_access_key = std::string(line.substr(colon + 1)),
              .session_token = {}};
      EDB_TRY(finish());
      continue;
    }
    if (equals == std::string_view::npos) {
      return InvalidArgumentError(std::string(kForm));
    }
    const std::string_view name = Trim(line.substr(0, equals));
    const std::string_view value = Trim(line.substr(equals + 1));
    if (name == "aws_access_key_id") {
      pair.access_key_id = value;
    } else if (name == "aws_secret_access_key") {
      pair.secret_access_key = value;
    } else if (name == "aws_session_token") {
      pair.session_token = value;
    }
  }
  EDB_TRY(finish());
  if (keys.empty()) {
    return InvalidArgumentError(std::string(kForm));
  }
  return keys;
}

Result<S3Keys> S3Keys::Read(const Uri& uri, Env& env) {
  if (const auto keys_uri = uri.Option("keys-uri")) {
    EDB_ASSIGN(const std::string text, ReadSecret(*keys_uri, env));
    return Parse(text);
  }
  AwsCredentials pair{.access_key_id = Variable("AWS_ACCESS_KEY_ID"),
                      .secret_access_key = Variable("AWS_SECRET_ACCESS_KEY"),
                      .session_token = Variable("AWS_SESSION_TOKEN")};
  if (pair.access_key_id.empty() != pair.secret_access_key.empty()) {
    return InvalidArgumentError(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must both be set, or neither");
  }
  S3Keys keys;
  if (!pair.access_key_id.empty()) {
    std::string id = pair.access_key_id;
    keys.keys_.emplace(std::move(id), std::move(pair));
  }
  return keys;
}

std::optional<S3Refusal> S3Keys::Check(const SigV4Request& request, const SigV4Scope& scope,
                                       std::int64_t now) const {
  const std::string_view header = HeaderOf(request, "authorization");
  if (header.empty()) {
    return S3Refusal{.type = "MissingAuthenticationTokenException",
                     .message = "Missing Authentication Token"};
  }
  const Result<SigV4Authorization> authorization = ParseAuthorization(header);
  // Without one of its keys nothing is left to compute; those ids are no secrets.
  const auto found = authorization.ok() ? keys_.find(authorization->access_key_id) : keys_.begin();
  if (found == keys_.end()) {
    return RefusalOf(SigV4Verdict::kUnknownKey, scope);
  }
  const SigV4Verdict verdict = VerifySigV4(request, found->second, scope, now);
  if (verdict == SigV4Verdict::kGood) {
    return std::nullopt;
  }
  return RefusalOf(verdict, scope);
}

}  // namespace embeddingsdb
