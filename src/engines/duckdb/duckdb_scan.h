// SPDX-License-Identifier: BSD-3-Clause
//
// DuckdbScan: reads db.embeddings in id order, piece by piece, from one snapshot.
//
// One streaming result of everything would be simpler, but as long as one is open DuckDB holds a
// lock on the table that a checkpoint spins for, so a slow reader would stop every writer. A piece
// is read in one go; between pieces only the transaction is open, which keeps the snapshot and
// blocks nobody. A thread reads the next piece while the caller works on this one.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_SCAN_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_SCAN_H_

#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embeddingsdb/index.h"
#include "embeddingsdb/query.h"

#include "core/side_thread.h"
#include "duckdb_c/handle.h"
#include "engines/duckdb/duckdb_file.h"

namespace embeddingsdb {

/// A condition made of column names from an enumeration; the values are bound. Borrows the filters.
struct DuckdbWhere {
  explicit DuckdbWhere(const std::vector<Filter>& filters);

  void Add(std::string_view condition, duckdb_c::Parameter value);

  std::string sql;  ///< " WHERE provider = ? AND ...", or empty
  std::vector<duckdb_c::Parameter> parameters;
};

/// One thread at a time.
class DuckdbScan {
 public:
  /// `columns` is the constant text between SELECT and FROM, and begins with the id; rows up to
  /// `after` are left out.
  static Result<std::unique_ptr<DuckdbScan>> Begin(DuckdbFile& file, std::string_view columns,
                                                   std::vector<Filter> filters, RowId after = 0);

  /// Moves to the row with the next id; false at the end, and after an error.
  Result<bool> Next();
  /// Where the row is: valid until Next.
  const duckdb_c::Chunk& chunk() const { return rows_.chunks[place_.chunk]; }
  std::size_t row() const { return place_.row; }

 private:
  struct Piece {
    RowId first = 0;
    RowId end = 0;
  };
  struct Place {
    RowId id = 0;
    std::size_t chunk = 0;
    std::size_t row = 0;
  };
  /// What is in a piece, by id.
  struct Rows {
    std::vector<duckdb_c::Chunk> chunks;
    std::vector<Place> places;
  };

  DuckdbScan(std::unique_ptr<DuckdbSession> session, std::vector<Filter> filters)
      : session_(std::move(session)), filters_(std::move(filters)), where_(filters_) {}

  Status Plan();
  void ReadAhead();
  Result<Rows> ReadPiece(Piece piece) const;

  std::unique_ptr<DuckdbSession> session_;  // destroyed last
  std::optional<duckdb_c::Transaction> snapshot_;
  std::vector<Filter> filters_;
  DuckdbWhere where_;
  std::string select_;
  std::vector<Piece> pieces_;
  std::size_t next_piece_ = 0;
  Rows rows_;  // of the piece that is being walked
  std::size_t next_place_ = 0;
  Place place_;
  std::future<Result<Rows>> ahead_;
  SideThread reader_;  // destroyed first: it uses the rest
};

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_SCAN_H_
