// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/limits.h"

#include "core/env.h"
#include "core/log.h"
#include "core/text.h"

namespace embeddingsdb::s3vectors {
namespace {

const std::string kModels = "embeddingsdb_models";
const std::string kProviders = "embeddingsdb_providers";

// Others may have written the tags since.
constexpr std::int64_t kKnownSeconds = 60;

/// Names joined by a space; nothing when that cannot be a tag or cannot be read back. Letters
/// beyond ASCII may be in a tag, but which count as letters is the service's business.
std::optional<std::string> Join(const std::set<std::string>& names) {
  constexpr std::string_view kMarks = "_.:/=+-@";
  std::string joined;
  for (const std::string& name : names) {
    const bool good = std::ranges::all_of(name, [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             kMarks.find(c) != std::string_view::npos;
    });
    if (!good) {
      return std::nullopt;
    }
    joined += Concat(joined.empty() ? "" : " ", name);
  }
  if (joined.empty() || joined.size() > kMaxS3TagValueCharacters) {
    return std::nullopt;
  }
  return joined;
}

std::set<std::string> Split(std::string_view text) {
  std::set<std::string> names;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    if (!name.empty()) {
      names.emplace(name);
    }
  }
  return names;
}

bool Includes(const S3NameLists& all, const S3NameLists& some) {
  return std::ranges::includes(all.models, some.models) &&
         std::ranges::includes(all.providers, some.providers);
}

}  // namespace

void S3Names::Tell(const Status& status) {
  useless_ =
      status.code() == StatusCode::kPermissionDenied || status.code() == StatusCode::kUnimplemented;
  if (!std::exchange(told_, true)) {
    context_.log->Warn("Models and providers are not in the index's tags, so all records are read",
                       {{"why", status.ToString()}});
  }
}

std::optional<S3NameLists> S3Names::Read(const std::string& arn) {
  const std::lock_guard lock(mutex_);
  if (useless_ || arn.empty()) {
    return std::nullopt;
  }
  const Result<std::map<std::string, std::string>> tags = index_->Tags(arn);
  if (!tags.ok()) {
    Tell(tags.status());
    return std::nullopt;
  }
  const auto models = tags->find(kModels);
  const auto providers = tags->find(kProviders);
  S3NameLists lists;
  if (models != tags->end() && providers != tags->end()) {
    lists = {Split(models->second), Split(providers->second)};
  }
  if (lists.models.empty() || lists.providers.empty()) {
    absent_until_ = context_.env->NowUnixSeconds() + kKnownSeconds;
    return std::nullopt;
  }
  known_ = lists;
  known_until_ = context_.env->NowUnixSeconds() + kKnownSeconds;
  return lists;
}

void S3Names::Write(const std::string& arn, const S3NameLists& lists) {
  const std::lock_guard lock(mutex_);
  if (useless_ || arn.empty()) {
    return;
  }
  const std::optional<std::string> models = Join(lists.models);
  const std::optional<std::string> providers = Join(lists.providers);
  if (!models || !providers) {
    if (!lists.models.empty()) {
      Tell(InvalidArgumentError(Concat(lists.models.size(), " models, ", lists.providers.size(),
                                       " providers do not fit into tags of ",
                                       kMaxS3TagValueCharacters, " characters")));
    }
    return;
  }
  if (const Status status = index_->Tag(arn, {{kModels, *models}, {kProviders, *providers}});
      !status.ok()) {
    Tell(status);
    return;
  }
  absent_until_ = 0;
  known_ = lists;
  known_until_ = context_.env->NowUnixSeconds() + kKnownSeconds;
}

void S3Names::Clear(const std::string& arn) {
  known_until_ = 0;
  if (const Status status = index_->Untag(arn, std::array<std::string, 2>{kModels, kProviders});
      !status.ok() && status.code() != StatusCode::kNotFound) {
    Tell(status);
    return;
  }
  absent_until_ = context_.env->NowUnixSeconds() + kKnownSeconds;
}

void S3Names::Added(const std::string& arn, const S3NameLists& lists) {
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = context_.env->NowUnixSeconds();
    if (useless_ || now < absent_until_ || (now < known_until_ && Includes(known_, lists))) {
      return;
    }
  }
  std::optional<S3NameLists> all = Read(arn);
  if (!all || Includes(*all, lists)) {
    return;
  }
  all->models.insert(lists.models.begin(), lists.models.end());
  all->providers.insert(lists.providers.begin(), lists.providers.end());
  if (!Join(all->models) || !Join(all->providers)) {
    const std::lock_guard lock(mutex_);
    Clear(arn);  // lists with names left out would be believed
    return;
  }
  Write(arn, *all);
}

void S3Names::Removed(const std::string& arn) {
  const std::lock_guard lock(mutex_);
  if (!useless_ && context_.env->NowUnixSeconds() >= absent_until_) {
    Clear(arn);
  }
}

}  // namespace embeddingsdb::s3vectors
