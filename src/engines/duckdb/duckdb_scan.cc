// SPDX-License-Identifier: BSD-3-Clause
#include "engines/duckdb/duckdb_scan.h"

#include <algorithm>

#include "core/text.h"

namespace embeddingsdb {
namespace {

using duckdb_c::ResultSet;

// Rows of a piece: 4 MB of vectors of 512 elements, 64 MB of the longest there are.
constexpr std::int64_t kPieceRows = 2048;

}  // namespace

DuckdbWhere::DuckdbWhere(const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) {
    Add(Concat(ColumnName(filter.column), " = ?"), filter.value);
  }
}

void DuckdbWhere::Add(std::string_view condition, duckdb_c::Parameter value) {
  sql += Concat(sql.empty() ? " WHERE " : " AND ", condition);
  parameters.push_back(value);
}

Result<std::unique_ptr<DuckdbScan>> DuckdbScan::Begin(DuckdbFile& file, std::string_view columns,
                                                      std::vector<Filter> filters, RowId after) {
  EDB_ASSIGN(std::unique_ptr<DuckdbSession> session, file.NewSession());
  std::unique_ptr<DuckdbScan> scan(new DuckdbScan(std::move(session), std::move(filters)));
  if (after > 0) {
    scan->where_.Add("id > ?", after);
  }
  scan->select_ = Concat("SELECT ", columns, " FROM db.embeddings", scan->where_.sql,
                         scan->where_.sql.empty() ? " WHERE" : " AND", " id >= ? AND id < ?");
  EDB_ASSIGN(duckdb_c::Transaction snapshot,
             duckdb_c::Transaction::Begin(scan->session_->connection()));
  scan->snapshot_.emplace(std::move(snapshot));
  EDB_TRY(scan->Plan());
  scan->ReadAhead();
  return scan;
}

// Counts the matching rows by ranges of ids, and joins neighbouring ranges up to kPieceRows rows.
Status DuckdbScan::Plan() {
  EDB_ASSIGN(ResultSet ranges, session_->Run(Concat("SELECT id // ", kPieceRows,
                                                    " AS range, count(*) "
                                                    "FROM db.embeddings",
                                                    where_.sql, " GROUP BY range ORDER BY range"),
                                             where_.parameters));
  std::int64_t rows = kPieceRows;
  for (;;) {
    EDB_ASSIGN(const bool more, ranges.Next());
    if (!more) {
      return {};
    }
    const auto* range = ranges.chunk().column(0).Values<std::int64_t>();
    const auto* count = ranges.chunk().column(1).Values<std::int64_t>();
    for (std::size_t i = 0; i < ranges.chunk().rows(); ++i) {
      rows += count[i];
      if (rows > kPieceRows) {
        pieces_.push_back({.first = range[i] * kPieceRows});
        rows = count[i];
      }
      pieces_.back().end = (range[i] + 1) * kPieceRows;
    }
  }
}

Result<DuckdbScan::Rows> DuckdbScan::ReadPiece(Piece piece) const {
  std::vector<duckdb_c::Parameter> parameters = where_.parameters;
  parameters.emplace_back(piece.first);
  parameters.emplace_back(piece.end);
  EDB_ASSIGN(ResultSet result,
             session_->connection().Run(select_, parameters, duckdb_c::Fetch::kStreaming));
  Rows rows;
  for (;;) {
    EDB_ASSIGN(const bool more, result.Next());
    if (!more) {
      break;
    }
    const auto* ids = result.chunk().column(0).Values<RowId>();
    for (std::size_t row = 0; row < result.chunk().rows(); ++row) {
      rows.places.push_back({ids[row], rows.chunks.size(), row});
    }
    rows.chunks.push_back(result.TakeChunk());
  }
  // Rows that were added by several threads lie in another order.
  std::ranges::sort(rows.places, {}, &Place::id);
  return rows;
}

void DuckdbScan::ReadAhead() {
  if (next_piece_ == pieces_.size()) {
    return;
  }
  ahead_ = reader_.Run([this, piece = pieces_[next_piece_++]] { return ReadPiece(piece); });
}

Result<bool> DuckdbScan::Next() {
  while (next_place_ == rows_.places.size()) {
    if (!ahead_.valid()) {
      return false;
    }
    EDB_ASSIGN(rows_, ahead_.get());
    next_place_ = 0;
    ReadAhead();
  }
  place_ = rows_.places[next_place_++];
  return true;
}

}  // namespace embeddingsdb
