// SPDX-License-Identifier: BSD-3-Clause
//
// LmdbBatch: the changes of one write transaction to the tables of an LMDB database.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_BATCH_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "embeddingsdb/record.h"

#include "engines/lmdb/lmdb_environment.h"
#include "engines/lmdb/lmdb_format.h"
#include "engines/lmdb/lmdb_view.h"
#include "engines/record_store.h"

namespace embeddingsdb {

/// Numbers of spaces and shapes by what they stand for.
struct LmdbKnown {
  std::map<std::pair<std::string, std::string>, std::uint64_t> spaces;  ///< by model, provider
  std::map<std::string, std::uint64_t> shapes;                          ///< by what is stored
};

/// Used for one Put or one Remove, whose errors leave the transaction to be aborted.
class LmdbBatch {
 public:
  /// `known` is what is committed.
  LmdbBatch(LmdbTransaction& txn, const LmdbTables& tables, const LmdbKnown& known,
            LmdbKeyHash hash)
      : txn_(txn), tables_(tables), known_(known), hash_(hash), view_(txn, tables, names_) {}

  Result<std::vector<PutResult>> Put(std::span<const Record* const> records, std::int64_t now);
  /// The rows removed, or nothing where there was none. When there was none at all, nothing is
  /// changed.
  Result<std::vector<std::optional<RowId>>> Remove(std::span<const Key> keys, std::int64_t now);
  Status SetMark(const std::string& name, std::uint64_t value) { return PutMeta(name, value); }
  /// To be called once the transaction is committed: brings what is known up to date.
  void MoveTo(LmdbKnown& known);

 private:
  /// Replaced rows are taken out; keys get their new rows.
  Status PutKeys(std::span<const Record* const> records, std::vector<PutResult>& results);
  Status PutRows(std::span<const Record* const> records, std::int64_t now);
  Status PutList(std::span<const Record* const> records);
  Status PutVectors(std::span<const Record* const> records);
  /// Opens the newest chunk again when there is room in it; `bytes` keeps what it had.
  Status ReopenChunk(std::size_t vector_bytes, std::string& bytes, LmdbChunkBuilder& builder);
  Status CloseChunk(LmdbChunkBuilder& builder);

  /// Takes a row out of all tables but `vectors`.
  Status RemoveRow(RowId id, std::uint64_t hash);
  /// Frees the chunks that hold removed rows only, and shortens those that hold as many.
  Status TrimChunks();
  Status TrimChunk(std::uint64_t key, const LmdbChunk& chunk);

  /// Number of the space of a record, which is made when there is none.
  Result<std::uint64_t> SpaceOf(const Record& record);
  Result<LmdbSpace*> Touch(std::uint64_t id);
  Result<std::uint64_t> ShapeOfNames(const Attributes& attributes);
  Status Finish(std::int64_t now);
  Status PutMeta(std::string_view name, std::uint64_t value);

  LmdbTransaction& txn_;
  const LmdbTables& tables_;
  const LmdbKnown& known_;
  const LmdbKeyHash hash_;
  LmdbNames names_;  // of this transaction: what it adds may never be committed
  const LmdbView view_;

  RowId first_row_ = 0;
  std::uint64_t next_space_ = 0;
  std::uint64_t next_shape_ = 0;
  LmdbKnown added_;
  std::map<std::uint64_t, LmdbSpace> touched_;  // spaces by number, as they will be
  std::vector<RowId> removed_;
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_BATCH_H_
