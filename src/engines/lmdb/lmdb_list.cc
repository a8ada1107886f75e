// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_list.h"

#include <algorithm>

namespace embeddingsdb {

Result<LmdbListWalk> LmdbListWalk::Start(const LmdbView& view, std::string_view from) {
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(view.txn(), view.tables().list));
  LmdbListWalk walk(view, std::move(cursor));
  if (from.empty()) {
    EDB_ASSIGN(walk.more_, walk.cursor_.First());
  } else {
    EDB_ASSIGN(walk.more_, walk.cursor_.Seek(from.substr(0, kListKeyBytes)));
  }
  return walk;
}

Result<bool> LmdbListWalk::Next() {
  if (next_in_run_ == run_.size()) {
    if (visited_) {
      EDB_ASSIGN(more_, cursor_.Next());
      visited_ = false;
    }
    if (!more_) {
      return false;
    }
    if (cursor_.key().size() <= kListKeyBytes) {
      EDB_ASSIGN(const std::uint64_t row, LmdbNumber::Parse(cursor_.value()));
      joined_ = cursor_.key();
      row_ = static_cast<RowId>(row);
      visited_ = true;
      return true;
    }
    EDB_TRY(ReadRun());
  }
  joined_ = run_[next_in_run_].first;
  row_ = run_[next_in_run_].second;
  ++next_in_run_;
  return true;
}

Status LmdbListWalk::ReadRun() {
  run_.clear();
  next_in_run_ = 0;
  const std::string_view beginning = cursor_.key().substr(0, kListKeyBytes);
  while (more_ && cursor_.key().size() > kListKeyBytes && cursor_.key().starts_with(beginning)) {
    EDB_ASSIGN(const std::uint64_t number, LmdbNumber::Parse(cursor_.value()));
    const auto id = static_cast<RowId>(number);
    EDB_ASSIGN(const LmdbRow row, view_->NamedRow(id));
    EDB_ASSIGN(std::string joined, view_->JoinedKey(row));
    run_.emplace_back(std::move(joined), id);
    EDB_ASSIGN(more_, cursor_.Next());
  }
  std::sort(run_.begin(), run_.end());
  return {};
}

}  // namespace embeddingsdb
