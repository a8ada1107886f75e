// SPDX-License-Identifier: BSD-3-Clause
//
// AwsClient: signed requests of JSON to one AWS service, tried again where that may help.
#ifndef EMBEDDINGSDB_AWS_AWS_CLIENT_H_
#define EMBEDDINGSDB_AWS_AWS_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"
#include "embeddingsdb/uri.h"

#include "aws/credentials.h"
#include "aws/http_client.h"
#include "aws/retries.h"
#include "aws/surroundings.h"

namespace embeddingsdb {

struct AwsClientOptions {
  Uri endpoint;         ///< https://HOST[:PORT][/PATH]; http:// where the caller allows it
  std::string service;  ///< "s3vectors"
  std::string region;
  std::string credentials_label;  ///< see AwsCredentialsOptions
  /// Of a service that takes its operations in a header, X-Amz-Target: "DynamoDB_20120810", and
  /// bodies as JSON 1.0. Empty: the path of a request says what is asked for.
  std::string json_target = {};
};

/// One request. Whatever it asks for must come out the same when it is asked for twice: an answer
/// that is lost is no sign that the request was.
struct AwsRequest {
  std::string_view operation;  ///< for messages: "PutVectors"
  std::string method = "POST";
  std::string target = {};     ///< path and query with their escapes; "/PutVectors"
  std::string_view body = {};  ///< JSON; borrowed. None is sent with GET and DELETE
};

/// Reads the body of an answer 200. An error means that the answer is no answer, as when it was cut
/// off: the request is tried again.
using AwsReader = std::function<Status(std::string_view body)>;

/// Safe for concurrent use; up to kMaxS3Connections requests side by side, others wait.
class AwsClient {
 public:
  /// kInvalidArgument for credentials that are none. Asks nobody yet.
  static Result<std::unique_ptr<AwsClient>> Open(AwsClientOptions options,
                                                 AwsSurroundings surroundings);

  /// Sends the request up to kMaxS3Attempts times and hands the answer to `read`. Statuses begin
  /// with the operation: kNotFound, kAlreadyExists, kInvalidArgument, kPermissionDenied,
  /// kUnauthenticated, kResourceExhausted (a quota), kUnavailable (408, 429, 5xx and broken
  /// connections, when trying again did not help), kDeadlineExceeded, kInternal.
  Status Call(const AwsRequest& request, const AwsReader& read);

  /// How many requests were sent, all attempts counted. For tests and statistics.
  std::int64_t requests() const { return requests_; }

 private:
  /// What one attempt came to.
  struct Outcome;

  AwsClient(AwsClientOptions options, AwsSurroundings surroundings);
  Outcome Attempt(const AwsRequest& request, const AwsReader& read);
  OutgoingRequest Sign(const AwsRequest& request, const AwsCredentials& keys) const;
  bool SetClock(const HttpAnswer& answer);

  const AwsClientOptions options_;
  const AwsSurroundings surroundings_;
  std::unique_ptr<AwsCredentialsProvider> credentials_;
  HttpClient http_;
  RetryBudget budget_;
  std::atomic<std::int64_t> clock_offset_ = 0;  // seconds to add to our clock
  std::atomic<std::int64_t> requests_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_AWS_CLIENT_H_
