// SPDX-License-Identifier: BSD-3-Clause
//
// FilteredSlots: the slots of a model's rows that satisfy filters, by what the index itself knows
// of each row. What the filters asked last have found is remembered: a slot says the same for ever,
// so asking again costs the slots that are new.
#ifndef EMBEDDINGSDB_INDEX_FILTERED_SLOTS_H_
#define EMBEDDINGSDB_INDEX_FILTERED_SLOTS_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "embeddingsdb/query.h"

#include "index/coded_rows.h"

namespace embeddingsdb {

/// Safe for concurrent use on rows that do not change meanwhile.
class FilteredSlots {
 public:
  struct Matching {
    std::vector<bool> allowed;  ///< a bit a slot; gone ones too
    std::vector<Slot> slots;    ///< the same in order; empty when they are more than a few
    std::size_t count = 0;      ///< how many
    bool decided = true;        ///< false: a row does not say, so the rest means nothing
  };

  /// Whether rows can say anything about such filters: words are not for the index.
  static bool CanDecide(const std::vector<Filter>& filters);

  /// Of rows of `model`. Slots up to `few` are listed.
  std::shared_ptr<const Matching> Of(const CodedRows& rows, std::string_view model,
                                     const std::vector<Filter>& filters, std::size_t few);
  /// For other rows.
  void Clear();

 private:
  struct Remembered {
    std::vector<Filter> filters;
    std::shared_ptr<const Matching> matching;
  };

  std::shared_ptr<const Matching> Find(const std::vector<Filter>& filters);
  void Remember(const std::vector<Filter>& filters, std::shared_ptr<const Matching> matching);

  std::mutex mutex_;
  std::vector<Remembered> remembered_;  // guarded by mutex_; asked last, last
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_INDEX_FILTERED_SLOTS_H_
