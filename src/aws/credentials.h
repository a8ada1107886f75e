// SPDX-License-Identifier: BSD-3-Clause
//
// Credentials: who asks, where that is read from, and that it is still good.
#ifndef EMBEDDINGSDB_AWS_CREDENTIALS_H_
#define EMBEDDINGSDB_AWS_CREDENTIALS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "embeddingsdb/status.h"

#include "aws/sigv4.h"
#include "aws/surroundings.h"

namespace embeddingsdb {

/// What requests are signed with, and until when.
struct FetchedCredentials {
  AwsCredentials keys;       ///< without an access key id: requests are not signed
  std::int64_t expires = 0;  ///< seconds since 1970; 0: never
};

/// A place that credentials are fetched from. Safe for concurrent use. kUnauthenticated when there
/// are none, kUnavailable when it does not answer; messages hold no secret.
class CredentialsSource {
 public:
  CredentialsSource() = default;
  CredentialsSource(const CredentialsSource&) = delete;
  CredentialsSource& operator=(const CredentialsSource&) = delete;
  virtual ~CredentialsSource() = default;
  virtual Result<FetchedCredentials> Fetch() = 0;
};

/// Keeps what a source gave until shortly before it expires. Safe for concurrent use: one thread
/// fetches, others go on with what is still good.
class AwsCredentialsProvider {
 public:
  AwsCredentialsProvider(std::unique_ptr<CredentialsSource> source, AwsSurroundings surroundings)
      : source_(std::move(source)), surroundings_(std::move(surroundings)) {}

  Result<AwsCredentials> Get();
  /// A server refused these: the next Get fetches, unless another thread has already.
  void Refuse(const AwsCredentials& refused);

 private:
  std::optional<AwsCredentials> Kept(std::int64_t margin_seconds) const;

  const std::unique_ptr<CredentialsSource> source_;
  const AwsSurroundings surroundings_;
  std::mutex fetching_;
  mutable std::mutex mutex_;
  std::optional<FetchedCredentials> kept_;
};

struct AwsCredentialsOptions {
  /// As in go-embeddingsdb: `anon:`; `env:` (AWS_ACCESS_KEY_ID and so on); `iam:` (the role of the
  /// container or the machine); `iam:REGION:ARN` (with that, the role ARN); `sts:ARN` (that role
  /// with what can be found); PROFILE or PATH:PROFILE of a file of credentials. Empty: what can be
  /// found, which is the environment, the profile AWS_PROFILE or "default", the machine's role.
  std::string label;
  std::string region;  ///< whose STS is asked for roles
};

/// Nothing is fetched yet. kInvalidArgument for a label that is none; messages never hold the
/// label, into which people put secrets.
Result<std::unique_ptr<AwsCredentialsProvider>> OpenAwsCredentials(
    const AwsCredentialsOptions& options, const AwsSurroundings& surroundings);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_AWS_CREDENTIALS_H_
