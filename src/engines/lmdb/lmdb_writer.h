// SPDX-License-Identifier: BSD-3-Clause
//
// LmdbWriter: Put and Remove, each one commit, and what becomes of a commit that fails.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_WRITER_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "embeddingsdb/record.h"

#include "engines/lmdb/lmdb_batch.h"
#include "engines/lmdb/lmdb_environment.h"
#include "engines/lmdb/lmdb_format.h"
#include "engines/record_store.h"

namespace embeddingsdb {

/// One thread at a time, one in all processes.
class LmdbWriter {
 public:
  /// `max_map_size` is what the map may grow to, in bytes; 0: no limit of ours.
  static Result<std::unique_ptr<LmdbWriter>> Create(std::shared_ptr<LmdbEnvironment> environment,
                                                    LmdbKeyHash hash, std::size_t max_map_size);

  /// As RecordStore's. A map that is too small grows, which waits for the reads in flight.
  Result<std::vector<PutResult>> Put(std::span<const Record* const> records, std::int64_t now);
  Result<std::vector<std::optional<RowId>>> Remove(std::span<const Key> keys, std::int64_t now);
  Status SetMark(const std::string& name, std::uint64_t value);
  Status Sync();

 private:
  /// Makes the changes of a batch; false when there is nothing to commit.
  using Change = std::function<Result<bool>(LmdbBatch& batch)>;
  enum class Outcome : std::uint8_t { kDone, kMapIsFull };

  LmdbWriter(std::shared_ptr<LmdbEnvironment> environment, LmdbKeyHash hash,
             std::size_t max_map_size)
      : environment_(std::move(environment)), hash_(hash), max_map_size_(max_map_size) {}

  Status LoadKnown();
  /// Runs the change in a transaction; again from its beginning when the map had to grow.
  Status Commit(const Change& change);
  Result<Outcome> TryCommit(const Change& change);
  Status CheckUsable() const;
  Status CommitFailed(const Status& status, int code);

  const std::shared_ptr<LmdbEnvironment> environment_;
  const LmdbKeyHash hash_;
  const std::size_t max_map_size_;
  LmdbKnown known_;
  bool sync_failed_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_WRITER_H_
