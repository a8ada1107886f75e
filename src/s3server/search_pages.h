// SPDX-License-Identifier: BSD-3-Clause
//
// SearchPages: answers of more than one page, kept for a while so that a search is made once.
// Also how places in a list become tokens.
#ifndef EMBEDDINGSDB_S3SERVER_SEARCH_PAGES_H_
#define EMBEDDINGSDB_S3SERVER_SEARCH_PAGES_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "embeddingsdb/status.h"

#include "s3server/vectors.h"

namespace embeddingsdb {

/// A text that says nothing to who receives it, and back. kInvalidArgument for what is none.
std::string ToToken(std::string_view place);
Result<std::string> FromToken(std::string_view token);

/// Threads: safe for concurrent use. Forgetting an answer costs time, never correctness: the search
/// is made again.
class SearchPages {
 public:
  using Answer = std::shared_ptr<const std::vector<S3Found>>;

  /// The answer to the same search, or null.
  Answer Find(const std::string& search, std::int64_t now);
  void Keep(const std::string& search, Answer answer, std::int64_t now);

 private:
  struct Kept {
    std::string search;
    Answer answer;
    std::int64_t until = 0;
  };

  std::mutex mutex_;
  std::list<Kept> kept_;  // guarded by mutex_; the newest first
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_S3SERVER_SEARCH_PAGES_H_
