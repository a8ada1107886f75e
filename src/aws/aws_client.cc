// SPDX-License-Identifier: BSD-3-Clause
#include "aws/aws_client.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <utility>

#include "embeddingsdb/limits.h"

#include "aws/aws_errors.h"
#include "aws/sigv4.h"
#include "core/sha256.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Clocks that are less apart than this are not what is wrong.
constexpr std::int64_t kSkewSeconds = kMaxS3ClockSkewSeconds - 60;

std::string WithoutSlashAtEnd(std::string text) {
  while (text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

/// Seconds, or a date.
std::optional<std::chrono::seconds> RetryAfter(const HttpAnswer& answer, std::int64_t now) {
  const auto header = answer.headers.find("retry-after");
  if (header == answer.headers.end()) {
    return std::nullopt;
  }
  const std::string& text = header->second;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) {
    const time_t date = curl_getdate(text.c_str(), nullptr);
    seconds = date < 0 ? 0 : static_cast<std::int64_t>(date) - now;
  }
  return std::chrono::seconds(std::max<std::int64_t>(seconds, 0));
}

}  // namespace

struct AwsClient::Outcome {
  Status status;
  AwsRemedy remedy = AwsRemedy::kNone;
  AwsCredentials keys = {};
  HttpAnswer answer = {};
};

AwsClient::AwsClient(AwsClientOptions options, AwsSurroundings surroundings)
    : options_(std::move(options)),
      surroundings_(std::move(surroundings)),
      http_({.connections = kMaxS3Connections,
             .max_answer_bytes = kMaxS3AnswerBytes,
             .ca_file = surroundings_.variable("AWS_CA_BUNDLE").value_or("")}) {}

Result<std::unique_ptr<AwsClient>> AwsClient::Open(AwsClientOptions options,
                                                   AwsSurroundings surroundings) {
  std::unique_ptr<AwsClient> client(new AwsClient(std::move(options), std::move(surroundings)));
  EDB_ASSIGN(client->credentials_, OpenAwsCredentials({.label = client->options_.credentials_label,
                                                       .region = client->options_.region},
                                                      client->surroundings_));
  return client;
}

OutgoingRequest AwsClient::Sign(const AwsRequest& request, const AwsCredentials& keys) const {
  const Uri& endpoint = options_.endpoint;
  const std::string base = WithoutSlashAtEnd(endpoint.Serialize());
  OutgoingRequest http{.method = request.method,
                       .url = Concat(base, request.target),
                       .headers = {},
                       .body = request.body,
                       .connect_seconds = kS3ConnectSeconds,
                       .seconds = kS3RequestSeconds};
  if (!options_.json_target.empty()) {
    http.headers.emplace_back("content-type", "application/x-amz-json-1.0");
    http.headers.emplace_back("x-amz-target", Concat(options_.json_target, ".", request.operation));
  } else if (request.method == "POST") {
    http.headers.emplace_back("content-type", "application/json");
  }
  if (!keys.access_key_id.empty()) {
    SigV4Request signing{.method = request.method,
                         .target = Concat(WithoutSlashAtEnd(endpoint.path()), request.target),
                         .headers = http.headers,
                         .body_sha256 = Sha256Hex(request.body)};
    signing.headers.emplace_back("host", HostHeader(endpoint));
    HttpHeaders added =
        SignRequest(signing, keys, {.region = options_.region, .service = options_.service},
                    surroundings_.now() + clock_offset_);
    std::move(added.begin(), added.end(), std::back_inserter(http.headers));
  }
  return http;
}

/// True when the server's clock and ours turned out to be apart.
bool AwsClient::SetClock(const HttpAnswer& answer) {
  const auto header = answer.headers.find("date");
  const time_t date =
      header == answer.headers.end() ? -1 : curl_getdate(header->second.c_str(), nullptr);
  if (date < 0) {
    return false;
  }
  const std::int64_t offset = static_cast<std::int64_t>(date) - surroundings_.now();
  if (std::abs(offset - clock_offset_) < kSkewSeconds) {
    return false;
  }
  clock_offset_ = offset;
  return true;
}

AwsClient::Outcome AwsClient::Attempt(const AwsRequest& request, const AwsReader& read) {
  Result<AwsCredentials> keys = credentials_->Get();
  if (!keys.ok()) {
    return {keys.status(), keys.status().retryable() ? AwsRemedy::kTryAgain : AwsRemedy::kNone};
  }
  ++requests_;
  Result<HttpAnswer> answer = http_.Send(Sign(request, *keys));
  if (!answer.ok()) {
    const StatusCode code = answer.status().code();
    const bool again = code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded;
    return {answer.status(), again ? AwsRemedy::kTryAgain : AwsRemedy::kNone};
  }
  if (answer->status != 200 && answer->status != 204) {
    AwsError error = ParseAwsError(*answer, *keys);
    return {std::move(error.status), error.remedy, *std::move(keys), *std::move(answer)};
  }
  if (const Status status = read(answer->body); !status.ok()) {
    return {InternalError(Concat("the answer cannot be read: ", status.message())),
            AwsRemedy::kTryAgain};
  }
  return {};
}

Status AwsClient::Call(const AwsRequest& request, const AwsReader& read) {
  bool clock_is_set = false;
  bool keys_are_new = false;
  for (int attempt = 1;; ++attempt) {
    const Outcome outcome = Attempt(request, read);
    if (outcome.status.ok()) {
      budget_.GiveBack();
      return {};
    }
    bool again = outcome.remedy == AwsRemedy::kTryAgain || outcome.remedy == AwsRemedy::kTryLater;
    bool at_once = false;
    if (outcome.remedy == AwsRemedy::kSetClock && !clock_is_set) {
      clock_is_set = true;
      again = at_once = SetClock(outcome.answer);
    }
    if (outcome.remedy == AwsRemedy::kAskForKeys && !keys_are_new) {
      credentials_->Refuse(outcome.keys);
      keys_are_new = again = at_once = true;
    }
    if (!again || attempt == kMaxS3Attempts || !budget_.Take()) {
      const std::string tried = attempt == 1 ? "" : Concat(" (", attempt, " attempts)");
      return {outcome.status.code(),
              Concat(request.operation, ": ", outcome.status.message(), tried)};
    }
    if (!at_once) {
      surroundings_.sleep(DelayBefore(attempt, outcome.remedy == AwsRemedy::kTryLater,
                                      RetryAfter(outcome.answer, surroundings_.now()),
                                      surroundings_));
    }
  }
}

}  // namespace embeddingsdb
