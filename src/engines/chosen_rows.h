// SPDX-License-Identifier: BSD-3-Clause
//
// ChosenRows: the rows that the filters of searches asked last have chosen, as long as no record
// has changed. Reading them from the store takes as long as reading the fields of all records.
#ifndef EMBEDDINGSDB_ENGINES_CHOSEN_ROWS_H_
#define EMBEDDINGSDB_ENGINES_CHOSEN_ROWS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "embeddingsdb/query.h"

#include "engines/record_store.h"

namespace embeddingsdb {

/// Safe for concurrent use.
class ChosenRows {
 public:
  using Rows = std::shared_ptr<const std::vector<RowId>>;
  struct Question {
    std::string model;
    std::vector<Filter> filters;

    bool operator==(const Question&) const = default;
  };
  /// Equal as long as no record has changed.
  struct State {
    std::uint64_t writes = 0;
    std::int64_t external_changes = 0;

    bool operator==(const State&) const = default;
  };

  /// Null when they are not remembered.
  Rows Find(const Question& question, const State& state);
  /// Forgets what belongs to other states.
  void Remember(Question question, const State& state, Rows rows);

 private:
  struct Entry {
    Question question;
    Rows rows;
  };

  std::mutex mutex_;
  State state_;                 // guarded by mutex_; of all entries
  std::vector<Entry> entries_;  // guarded by mutex_; the oldest first
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_CHOSEN_ROWS_H_
