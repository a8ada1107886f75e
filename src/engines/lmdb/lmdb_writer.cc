// SPDX-License-Identifier: BSD-3-Clause
#include "engines/lmdb/lmdb_writer.h"

#include <algorithm>
#include <cerrno>
#include <lmdb.h>
#include <shared_mutex>

#include "core/text.h"

namespace embeddingsdb {

Result<std::unique_ptr<LmdbWriter>> LmdbWriter::Create(std::shared_ptr<LmdbEnvironment> environment,
                                                       LmdbKeyHash hash, std::size_t max_map_size) {
  std::unique_ptr<LmdbWriter> writer(new LmdbWriter(std::move(environment), hash, max_map_size));
  writer->environment_->ClearStaleReaders(true);
  EDB_TRY(writer->environment_->KeepLength());
  EDB_TRY(writer->LoadKnown());
  return writer;
}

Result<std::vector<PutResult>> LmdbWriter::Put(std::span<const Record* const> records,
                                               std::int64_t now) {
  std::vector<PutResult> results;
  if (records.empty()) {
    return results;
  }
  EDB_TRY(Commit([&](LmdbBatch& batch) -> Result<bool> {
    EDB_ASSIGN(results, batch.Put(records, now));
    return true;
  }));
  return results;
}

Result<std::vector<std::optional<RowId>>> LmdbWriter::Remove(std::span<const Key> keys,
                                                             std::int64_t now) {
  std::vector<std::optional<RowId>> rows;
  EDB_TRY(Commit([&](LmdbBatch& batch) -> Result<bool> {
    EDB_ASSIGN(rows, batch.Remove(keys, now));
    return std::ranges::any_of(rows, [](const auto& row) { return row.has_value(); });
  }));
  return rows;
}

Status LmdbWriter::SetMark(const std::string& name, std::uint64_t value) {
  return Commit([&](LmdbBatch& batch) -> Result<bool> {
    EDB_TRY(batch.SetMark(name, value));
    return true;
  });
}

Status LmdbWriter::Sync() {
  EDB_TRY(CheckUsable());
  Status status = environment_->Sync();
  sync_failed_ = !status.ok();
  return status;
}

Status LmdbWriter::LoadKnown() {
  EDB_ASSIGN(const LmdbSnapshot snapshot, environment_->BeginRead());
  const LmdbView view(snapshot);
  EDB_ASSIGN(const auto spaces, view.Spaces({}));
  for (const auto& [id, space] : spaces) {
    known_.spaces.emplace(std::pair(space.model, space.provider), id);
  }
  EDB_ASSIGN(LmdbCursor cursor, LmdbCursor::Open(view.txn(), view.tables().shapes));
  EDB_ASSIGN(bool more, cursor.First());
  while (more) {
    EDB_ASSIGN(const std::uint64_t id, LmdbNumber::Parse(cursor.key()));
    known_.shapes.emplace(cursor.value(), id);
    EDB_ASSIGN(more, cursor.Next());
  }
  return {};
}

Status LmdbWriter::Commit(const Change& change) {
  EDB_TRY(CheckUsable());
  environment_->ClearStaleReaders(false);
  while (true) {
    EDB_ASSIGN(const Outcome outcome, TryCommit(change));
    if (outcome == Outcome::kDone) {
      return {};
    }
    // A reader that died may be what keeps old pages from being used again, but they are no use to
    // this transaction any more: the map has to grow.
    if (max_map_size_ != 0 && environment_->map_size() >= max_map_size_) {
      return ResourceExhaustedError(Concat("the LMDB database is full: ", max_map_size_, " bytes"));
    }
    EDB_TRY(environment_->Grow());
  }
}

Result<LmdbWriter::Outcome> LmdbWriter::TryCommit(const Change& change) {
  std::shared_lock<std::shared_mutex> map;  // outlives the transaction
  EDB_ASSIGN(LmdbTransaction txn, environment_->BeginWrite(map));
  LmdbBatch batch(txn, environment_->tables(), known_, hash_);
  Result<bool> changed = change(batch);
  if (txn.last_error() == MDB_MAP_FULL) {
    return Outcome::kMapIsFull;
  }
  if (!changed.ok()) {
    return changed.status();
  }
  if (!*changed) {
    return Outcome::kDone;
  }
  if (const Status status = txn.Commit(); !status.ok()) {
    if (txn.last_error() == MDB_MAP_FULL) {
      return Outcome::kMapIsFull;
    }
    return CommitFailed(status, txn.last_error());
  }
  batch.MoveTo(known_);
  map.unlock();
  environment_->KeepLength().IgnoreError("the commit is made; the next one or the next open tries");
  return Outcome::kDone;
}

Status LmdbWriter::CheckUsable() const {
  if (!sync_failed_) {
    return {};
  }
  return FailedPreconditionError("an earlier write could not be synced; open the database again");
}

Status LmdbWriter::CommitFailed(const Status& status, int code) {
  if (code != EIO) {
    return status;
  }
  // LMDB says EIO also when the disk took only a part of a write, for want of space.
  if (environment_->DiskIsFull()) {
    return ResourceExhaustedError(status.message() + ", the disk is full");
  }
  sync_failed_ = true;
  return status;
}

}  // namespace embeddingsdb
