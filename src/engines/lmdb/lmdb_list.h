// SPDX-License-Identifier: BSD-3-Clause
//
// Walking the LMDB table `list` in list order.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_LIST_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_LIST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engines/lmdb/lmdb_view.h"

namespace embeddingsdb {

/// Keys that were cut are in the table by row id among those with the same beginning: such a run is
/// read whole and sorted. Its length is that of a URL with a common beginning of 495 bytes, so runs
/// are short.
class LmdbListWalk {
 public:
  /// From the first key that is not below `from`.
  static Result<LmdbListWalk> Start(const LmdbView& view, std::string_view from);

  /// Moves to the next entry; false at the end.
  Result<bool> Next();
  /// The whole key; valid until Next.
  std::string_view joined() const { return joined_; }
  RowId row() const { return row_; }

 private:
  LmdbListWalk(const LmdbView& view, LmdbCursor cursor)
      : view_(&view), cursor_(std::move(cursor)) {}

  Status ReadRun();

  const LmdbView* view_;
  LmdbCursor cursor_;
  bool more_ = false;     // the cursor stands on an entry
  bool visited_ = false;  // which Next has been told about
  std::vector<std::pair<std::string, RowId>> run_;
  std::size_t next_in_run_ = 0;
  std::string_view joined_;
  RowId row_ = 0;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_LIST_H_
