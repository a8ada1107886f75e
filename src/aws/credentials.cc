// SPDX-License-Identifier: BSD-3-Clause
#include "aws/credentials.h"

#include <cctype>
#include <utility>

#include "aws/credentials_sources.h"
#include "core/text.h"

namespace embeddingsdb {
namespace {

// Before they expire new ones are fetched, while the old ones are still good for the others.
constexpr std::int64_t kRefreshSeconds = 300;
// A request that is signed now may arrive a little later.
constexpr std::int64_t kLastSeconds = 10;

Status BadLabel(std::string_view why) {
  return InvalidArgumentError(
      Concat("credentials ", why,
             "; it is anon:, env:, iam:, iam:REGION:ARN, sts:ARN, PROFILE or PATH:PROFILE"));
}

bool IsArn(std::string_view text) {
  return text.starts_with("arn:") && text.find(":role/") != std::string_view::npos;
}

}  // namespace

std::optional<AwsCredentials> AwsCredentialsProvider::Kept(std::int64_t margin_seconds) const {
  const std::lock_guard lock(mutex_);
  if (kept_ && (kept_->expires == 0 || kept_->expires - surroundings_.now() > margin_seconds)) {
    return kept_->keys;
  }
  return std::nullopt;
}

Result<AwsCredentials> AwsCredentialsProvider::Get() {
  if (std::optional<AwsCredentials> good = Kept(kRefreshSeconds)) {
    return *std::move(good);
  }
  std::unique_lock fetching(fetching_, std::try_to_lock);
  if (!fetching.owns_lock()) {
    if (std::optional<AwsCredentials> still_good = Kept(kLastSeconds)) {
      return *std::move(still_good);
    }
    fetching.lock();
  }
  // Somebody else may have fetched meanwhile.
  if (std::optional<AwsCredentials> good = Kept(kRefreshSeconds)) {
    return *std::move(good);
  }
  Result<FetchedCredentials> fetched = source_->Fetch();
  if (!fetched.ok()) {
    if (std::optional<AwsCredentials> still_good = Kept(kLastSeconds)) {
      return *std::move(still_good);
    }
    return fetched.status().WithContext("AWS credentials");
  }
  const std::lock_guard lock(mutex_);
  kept_ = *fetched;
  return fetched->keys;
}

void AwsCredentialsProvider::Refuse(const AwsCredentials& refused) {
  const std::lock_guard lock(mutex_);
  // Another thread may have fetched others already.
  if (kept_ && kept_->keys.access_key_id == refused.access_key_id &&
      kept_->keys.session_token == refused.session_token) {
    kept_.reset();
  }
}

Result<std::unique_ptr<AwsCredentialsProvider>> OpenAwsCredentials(
    const AwsCredentialsOptions& options, const AwsSurroundings& surroundings) {
  const std::string_view label = options.label;
  std::unique_ptr<CredentialsSource> source;
  if (label.empty()) {
    source = NewChainSource(options.region, surroundings);
  } else if (label == "anon:") {
    source = NewAnonymousSource();
  } else if (label == "env:") {
    source = NewEnvironmentSource(surroundings);
  } else if (label == "iam:") {
    source = NewMachineSource(surroundings);
  } else if (label.starts_with("iam:")) {
    const std::string_view rest = label.substr(4);
    const std::size_t colon = rest.find(':');
    if (colon == 0 || colon == std::string_view::npos || !IsArn(rest.substr(colon + 1))) {
      return BadLabel("begins with iam: and goes on with no REGION:ARN of a role");
    }
    source = NewRoleSource(
        {.arn = std::string(rest.substr(colon + 1)), .region = std::string(rest.substr(0, colon))},
        NewMachineSource(surroundings), surroundings);
  } else if (label.starts_with("sts:")) {
    if (!IsArn(label.substr(4))) {
      return BadLabel("begins with sts: and goes on with no ARN of a role");
    }
    source = NewRoleSource({.arn = std::string(label.substr(4)), .region = options.region},
                           NewChainSource(options.region, surroundings), surroundings);
  } else {
    const std::size_t colon = label.rfind(':');
    const std::size_t begin = colon == std::string_view::npos ? 0 : colon + 1;
    if (begin == label.size() || colon == 0) {
      return BadLabel("has nothing before or after its colon");
    }
    source = NewProfileSource({.path = std::string(label.substr(0, begin == 0 ? 0 : colon)),
                               .profile = std::string(label.substr(begin)),
                               .region = options.region},
                              surroundings);
  }
  return std::make_unique<AwsCredentialsProvider>(std::move(source), surroundings);
}

}  // namespace embeddingsdb
