// SPDX-License-Identifier: BSD-3-Clause
//
// The writing half of the DuckDB store: one connection, one transaction a call.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_WRITER_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_WRITER_H_

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engines/duckdb/duckdb_file.h"
#include "engines/duckdb/duckdb_rows.h"
#include "engines/record_store.h"

namespace embeddingsdb {

/// Called by one thread at a time, but for last_update().
class DuckdbWriter {
 public:
  static Result<std::unique_ptr<DuckdbWriter>> Create(DuckdbFile& file, bool read_only);

  /// Stores records with distinct keys in one commit; `modified` has one time a record.
  Result<std::vector<PutResult>> Put(std::span<const Record* const> records,
                                     std::span<const std::int64_t> modified);
  /// Removes records with distinct keys in one commit; the rows they had.
  Result<std::vector<std::optional<RowId>>> Remove(std::span<const Key> keys, std::int64_t now);
  Result<std::vector<std::optional<std::int64_t>>> CreatedTimes(
      std::span<const Record* const> records);
  Status SetMark(const std::string& name, std::int64_t value);
  /// Notes in db.catalog and db.meta what the next open would otherwise read all rows for. Not
  /// needed: what is not noted is read.
  Status SaveCatalog();
  /// Whether db.catalog says what is in db.embeddings.
  bool catalog_holds() const { return catalog_holds_; }
  /// Moves the log into the file.
  Status Checkpoint();

  std::int64_t last_update() const { return last_update_.load(std::memory_order_acquire); }

 private:
  enum class Mode : bool { kAllNew, kLookUp };

  explicit DuckdbWriter(std::unique_ptr<DuckdbSession> session) : session_(std::move(session)) {}

  Status Load(bool read_only);
  Result<std::vector<PutResult>> TryPut(Mode mode, std::span<const Record* const> records,
                                        std::span<const std::int64_t> modified);
  /// Sets `replaced`, takes the old rows away, gives keys that are in db.keys their new id and
  /// leaves the others in `keys`.
  Status Replace(std::vector<DuckdbKeyRow>& keys, std::vector<PutResult>& results);
  Result<std::vector<bool>> ReplaceOneByOne(std::span<const DuckdbKeyRow> keys,
                                            std::vector<PutResult>& results);
  Result<std::vector<bool>> ReplaceByJoin(std::span<const DuckdbKeyRow> keys,
                                          std::vector<PutResult>& results);
  Result<std::vector<std::optional<RowId>>> RemoveOneByOne(std::span<const Key> keys);
  Result<std::vector<std::optional<RowId>>> RemoveByJoin(std::span<const Key> keys);
  /// Takes the rows of the staged keys away, which have to be as many.
  Status DeleteStaged(std::int64_t rows);
  /// Puts the keys into temp.stage, and nothing else is in it.
  Status Stage(std::span<const DuckdbKeyRow> keys);
  void NoteUpdate(std::int64_t time);
  /// Within a transaction: the largest id given so far, and the newest time.
  Status NoteLast(std::int64_t time);

  std::unique_ptr<duckdb_c::RowSource> source_;  // null when reading only
  std::unique_ptr<DuckdbSession> session_;
  RowId next_id_ = 1;
  std::atomic<std::int64_t> last_update_ = 0;
  Mode expected_ = Mode::kAllNew;
  bool keeps_catalog_ = false;
  bool catalog_holds_ = false;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_WRITER_H_
