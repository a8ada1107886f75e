// SPDX-License-Identifier: BSD-3-Clause
//
// S3Names: the models and providers of an index, kept in its tags as go-embeddingsdb keeps them.
#ifndef EMBEDDINGSDB_ENGINES_S3VECTORS_S3_NAMES_H_
#define EMBEDDINGSDB_ENGINES_S3VECTORS_S3_NAMES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "embeddingsdb/registry.h"
#include "embeddingsdb/status.h"

#include "engines/s3vectors/s3_index.h"

namespace embeddingsdb::s3vectors {

struct S3NameLists {
  std::set<std::string> models;
  std::set<std::string> providers;
};

/// Tags may only help: they hold 256 characters, not all characters, and names without spaces.
/// Where the lists do not fit, or somebody may not write tags, there are none, and readers look at
/// all records. Tags that cannot be read or written are told to the log once and are no error.
/// Safe for concurrent use.
class S3Names {
 public:
  S3Names(std::shared_ptr<S3Index> index, const Context& context)
      : index_(std::move(index)), context_(context) {}

  /// The lists of the tags; nothing when there are none.
  std::optional<S3NameLists> Read(const std::string& arn);
  /// What was found by looking at all records.
  void Write(const std::string& arn, const S3NameLists& lists);
  /// Records of these models and providers were stored.
  void Added(const std::string& arn, const S3NameLists& lists);
  /// A record was removed, maybe the last of its model.
  void Removed(const std::string& arn);

 private:
  void Tell(const Status& status);
  void Clear(const std::string& arn);

  const std::shared_ptr<S3Index> index_;
  const Context context_;
  std::mutex mutex_;
  bool told_ = false;
  bool useless_ = false;           // tags may not be read or written
  S3NameLists known_;              // to be in the tags, when it is not too long ago
  std::int64_t known_until_ = 0;   // seconds since 1970
  std::int64_t absent_until_ = 0;  // the tags are not there; as above
};

}  // namespace embeddingsdb::s3vectors

#endif  // EMBEDDINGSDB_ENGINES_S3VECTORS_S3_NAMES_H_
