// SPDX-License-Identifier: BSD-3-Clause
//
// The questions of RecordStore, answered from one snapshot of an LMDB database.
#ifndef EMBEDDINGSDB_ENGINES_LMDB_LMDB_READER_H_
#define EMBEDDINGSDB_ENGINES_LMDB_LMDB_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/query.h"
#include "embeddingsdb/record.h"

#include "engines/lmdb/lmdb_environment.h"
#include "engines/lmdb/lmdb_view.h"
#include "engines/record_store.h"

namespace embeddingsdb {

/// Borrows the snapshot, which must not be parked.
class LmdbReader {
 public:
  LmdbReader(const LmdbSnapshot& snapshot, LmdbKeyHash hash) : view_(snapshot), hash_(hash) {}

  Result<std::optional<Record>> Get(const Key& key) const;
  Result<std::vector<std::optional<Record>>> GetRows(std::span<const RowRef> rows,
                                                     RowParts parts) const;
  Status List(const ListQuery& query, RecordPage& page) const;
  Result<std::int64_t> Count(const std::vector<Filter>& filters) const;
  Status VisitFields(const std::vector<Filter>& filters, const FieldsVisitor& visit) const;
  Status VisitVectors(const std::string& model, RowId after, const VectorVisitor& visit) const;
  Result<std::vector<RowId>> ListRows(const std::string& model, RowId last) const;
  Result<Catalog> LoadCatalog() const;
  Result<std::int64_t> LastUpdate() const;

  /// The rows that match, growing; only for filters that name a subject or a depiction, which few
  /// records have.
  Result<std::vector<RowId>> FindRows(const LmdbWanted& wanted) const;

  const LmdbView& view() const { return view_; }

 private:
  /// A joined list key and its row.
  using Listed = std::pair<std::string, RowId>;
  /// Returns false to stop.
  using ListVisitor = std::function<Result<bool>(std::string_view joined, RowId row)>;

  using RowVisitor = std::function<Status(RowId, const LmdbRow&)>;

  /// The rows of these spaces (sorted) with ids larger than `after`.
  Status VisitRows(const std::vector<std::uint64_t>& spaces, RowId after,
                   const RowVisitor& visit) const;
  /// The same for all spaces of a model.
  Status VisitRowsOf(const std::string& model, RowId after, const RowVisitor& visit) const;
  /// Records with a depiction id, in list order: one look-up for each model of each provider.
  Result<std::vector<Listed>> FindDepiction(const LmdbWanted& wanted) const;
  /// All that match, in list order.
  Status Walk(const LmdbWanted& wanted, const ListVisitor& visit) const;
  Result<std::int64_t> CountWanted(const LmdbWanted& wanted) const;
  /// The record of a list entry. kDataLoss when it is another's.
  Status ReadListed(std::string_view joined, RowId row, Record& record) const;

  LmdbView view_;
  LmdbKeyHash hash_;
};

/// All matching records of one snapshot in row order. Between two records the map is free.
class LmdbScan final : public RecordCursor {
 public:
  static Result<std::unique_ptr<RecordCursor>> Start(LmdbSnapshot snapshot, LmdbKeyHash hash,
                                                     const std::vector<Filter>& filters);

  Result<bool> Next(Record& record) override;

 private:
  LmdbScan() = default;

  Result<bool> ReadNext(const LmdbView& view, Record& record);
  /// Finds the next row, or nothing.
  Result<std::optional<std::pair<RowId, LmdbRow>>> NextRow(const LmdbView& view);

  std::optional<LmdbSnapshot> snapshot_;              // absent at the end
  RowId next_ = 0;                                    // rows before it are done
  std::optional<std::vector<std::uint64_t>> spaces_;  // sorted; absent: all
  std::optional<std::vector<RowId>> rows_;            // sorted; absent: to be walked
  std::size_t next_index_ = 0;                        // in rows_
};

/// What is wrong with the tables, row by row and against each other.
Status CheckLmdb(const LmdbSnapshot& snapshot, LmdbKeyHash hash,
                 std::vector<std::string>& problems);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_LMDB_LMDB_READER_H_
