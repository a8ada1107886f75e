// SPDX-License-Identifier: BSD-3-Clause
//
// How records are added: what happens to those whose key is taken, and what came of it.
#ifndef EMBEDDINGSDB_ADDING_H_
#define EMBEDDINGSDB_ADDING_H_

#include <cstdint>
#include <string_view>

#include "embeddingsdb/status.h"

namespace embeddingsdb {

/// What happens to a record when there is another with its key (provider, depiction id, model).
enum class OnDuplicate : std::uint8_t {
  kFail,       ///< kAlreadyExists, naming the key; nothing of the batch is stored
  kSkip,       ///< the one that is there stays; of several new ones the first counts
  kOverwrite,  ///< the new one takes its place; of several new ones the last counts
  kNewest,     ///< the one with the larger `created` stays; of equal ones the new one, or the last
};

/// "fail", "skip", "overwrite" or "newest". kInvalidArgument names the known ones.
Result<OnDuplicate> ParseOnDuplicate(std::string_view name);

struct AddOptions {
  OnDuplicate on_duplicate = OnDuplicate::kOverwrite;
  /// Checks everything and reports what would come of it, by what is stored now; stores nothing.
  bool dry_run = false;

  bool operator==(const AddOptions&) const = default;
};

/// What a batch did. Every record of a batch is stored or skipped, or nothing is stored.
struct AddReport {
  std::int64_t added = 0;     ///< records that were new
  std::int64_t replaced = 0;  ///< records that took the place of one with the same key
  std::int64_t skipped = 0;   ///< records left out for another with the same key

  AddReport& operator+=(const AddReport& other) {
    added += other.added;
    replaced += other.replaced;
    skipped += other.skipped;
    return *this;
  }
  bool operator==(const AddReport&) const = default;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ADDING_H_
