// SPDX-License-Identifier: BSD-3-Clause
//
// Records to and from the rows of db.embeddings.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_ROWS_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_ROWS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "embeddingsdb/index.h"
#include "embeddingsdb/record.h"

#include "duckdb_c/handle.h"
#include "duckdb_c/row_source.h"

namespace embeddingsdb {

/// The text of a key in db.keys: the three parts joined by U+001F, which no part can hold, so two
/// keys never share one text.
std::string EncodeDuckdbKey(const Key& key);

/// The columns that ReadDuckdbFields and ReadDuckdbRecord want, in their order, for a SELECT.
#define EDB_DUCKDB_FIELD_COLUMNS \
  "id, provider, depiction_id, subject_id, model, created, attributes"
#define EDB_DUCKDB_RECORD_COLUMNS EDB_DUCKDB_FIELD_COLUMNS ", vec"

/// Fills all but the embedding of `record` from a row; returns its id.
RowId ReadDuckdbFields(const duckdb_c::Chunk& chunk, std::size_t row, Record& record);

/// Fills `record` from a row of EDB_DUCKDB_RECORD_COLUMNS; returns its id.
RowId ReadDuckdbRecord(const duckdb_c::Chunk& chunk, std::size_t row, Record& record);

/// Fills a MAP(VARCHAR, VARCHAR) cell into `attributes`.
void ReadDuckdbAttributes(const duckdb_c::Column& column, std::size_t row, Attributes& attributes);

/// The source of InsertDuckdbRecords; one for each instance of DuckDB.
Result<std::unique_ptr<duckdb_c::RowSource>> RegisterDuckdbRows(
    const duckdb_c::Connection& connection);

/// Records for db.embeddings. Borrows them.
struct DuckdbBatch {
  std::span<const Record* const> records;
  RowId first_id = 0;                      ///< the others have the ids after it
  std::span<const std::int64_t> modified;  ///< one time a record
};
/// Adds the records; each 2,048 of them lie in this order.
Status InsertDuckdbRecords(const duckdb_c::Connection& connection, duckdb_c::RowSource& source,
                           const DuckdbBatch& batch);

/// One row of db.keys, or of a table of that shape.
struct DuckdbKeyRow {
  std::string key;
  RowId id = 0;
};
Status AppendDuckdbKeys(const duckdb_c::Connection& connection, const char* catalog,
                        const char* table, std::span<const DuckdbKeyRow> rows);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_ROWS_H_
