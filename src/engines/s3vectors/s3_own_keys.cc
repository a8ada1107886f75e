// SPDX-License-Identifier: BSD-3-Clause
#include "engines/s3vectors/s3_own_keys.h"

#include <functional>

namespace embeddingsdb::s3vectors {

void S3OwnKeys::Begin(std::int64_t now) {
  const std::lock_guard lock(mutex_);
  known_ = true;
  last_ = now;
}

std::vector<bool> S3OwnKeys::Add(const std::vector<std::string>& keys, std::int64_t now) {
  std::vector<bool> may_be_there(keys.size(), true);
  const std::lock_guard lock(mutex_);
  known_ = known_ && now - last_ <= kLongestPause;
  last_ = now;
  if (!known_) {
    hashes_.clear();
    return may_be_there;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    may_be_there[i] = !hashes_.insert(std::hash<std::string>()(keys[i])).second;
  }
  if (hashes_.size() > kMaxKeys) {
    known_ = false;
    std::unordered_set<std::size_t>().swap(hashes_);
  }
  return may_be_there;
}

}  // namespace embeddingsdb::s3vectors
