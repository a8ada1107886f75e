// SPDX-License-Identifier: BSD-3-Clause
//
// The reading half of the DuckDB store. Every call sees the state of one commit.
#ifndef EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_READER_H_
#define EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_READER_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engines/duckdb/duckdb_file.h"
#include "engines/record_store.h"

namespace embeddingsdb {

Result<std::optional<Record>> DuckdbGet(DuckdbFile& file, const Key& key);
Result<std::vector<std::optional<Record>>> DuckdbGetRows(DuckdbFile& file,
                                                         std::span<const RowRef> rows,
                                                         RowParts parts);
Status DuckdbList(DuckdbFile& file, const ListQuery& query, RecordPage& page);
/// The cursor keeps the file open.
Result<std::unique_ptr<RecordCursor>> DuckdbScanRecords(std::shared_ptr<DuckdbFile> file,
                                                        const std::vector<Filter>& filters);
Result<std::int64_t> DuckdbCount(DuckdbFile& file, const std::vector<Filter>& filters);
Status DuckdbVisitFields(DuckdbFile& file, const std::vector<Filter>& filters,
                         const FieldsVisitor& visit);
Status DuckdbVisitVectors(DuckdbFile& file, const std::string& model, RowId after,
                          const VectorVisitor& visit);
Result<std::vector<RowId>> DuckdbListRows(DuckdbFile& file, const std::string& model, RowId last);

/// Rows of a catalog: counted now, or as db.catalog has them.
inline constexpr const char* kDuckdbCountedCatalog =
    "SELECT model, provider, count(*), max(dimensions) FROM db.embeddings GROUP BY model, provider";
inline constexpr const char* kDuckdbSavedCatalog =
    "SELECT model, provider, records, dimensions FROM db.catalog";
/// `sql` is one of the two.
Result<Catalog> DuckdbCatalog(DuckdbFile& file, const char* sql);
/// Appends disagreements between the tables to `problems`.
Status DuckdbCheck(DuckdbFile& file, std::vector<std::string>& problems);

}  // namespace embeddingsdb

#endif  // EMBEDDINGSDB_ENGINES_DUCKDB_DUCKDB_READER_H_
