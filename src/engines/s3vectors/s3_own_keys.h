// SPDX-License-Identifier: BSD-3-Clause
//
// S3OwnKeys: the keys in an index that this process has made and nobody else has filled. What is
// not among them need not be looked up before it is stored.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_OWN_KEYS_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_OWN_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace embeddingsdb::s3vectors {

/// Safe for concurrent use.
class S3OwnKeys {
 public:
  /// The index has just been made by this process. Until then every key may be in it. Times are in
  /// seconds since 1970.
  void Begin(std::int64_t now);
  /// Notes keys that are about to be stored. Which of them may be there already: never wrong by
  /// saying no, as long as nobody else stores.
  std::vector<bool> Add(const std::vector<std::string>& keys, std::int64_t now);

 private:
  // About 40 MB. An index with more is asked again.
  static constexpr std::size_t kMaxKeys = 1'000'000;
  // Whoever fills a new index does it at once; after a pause others may have come.
  static constexpr std::int64_t kLongestPause = 60;

  std::mutex mutex_;
  bool known_ = false;
  std::int64_t last_ = 0;                   // when Begin or Add was called
  std::unordered_set<std::size_t> hashes_;  // two keys with one hash are looked up, and that is all
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_OWN_KEYS_H_
